/** What the verbs of the command share. */

/** Where a verb may write to. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Of a terminal. */
  readonly columns?: number;
}

/** What a verb works with, beside its arguments. */
export interface Context {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Set off by Ctrl-C. */
  readonly signal: AbortSignal;
  /** The exit status of a verb that ended without an error. */
  status: number;
}
