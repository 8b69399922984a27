/** Whether an operand has the shape of a uuid: its length and its dashes, not its digits (reference §1.1). */
export function isVmOperand(text: string): boolean {
  return text.length === 36 && [8, 13, 18, 23].every((position) => text.charAt(position) === '-');
}
