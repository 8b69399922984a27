/** A guest that is being served, however it is reached. */
export interface Guest {
  /** Whether the guest would still be answered where it asks. */
  isReachable(): Promise<boolean>;
  /** Whether the guest runs. */
  isRunning(): Promise<boolean>;
  /** Serve it no more; what is connected is cut off. */
  close(): void;
}
