/** Something that the agent does for each running machine, besides answering it. */
export interface Attendant {
  /** Look after a machine, which runs; nothing changes when that is done already. */
  attend(uuid: string): Promise<void>;
  /** The machine is gone. */
  leave(uuid: string): void;
  close(): void;
}
