/** The two streams that a command writes to; `process` is one. */
export interface Terminal {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/** What a command works with besides its own options. */
export interface Session {
  readonly terminal: Terminal;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Writes a line that other programs may read. */
export function printResult({ stdout }: Terminal, text: string): void {
  stdout.write(`${text}\n`);
}

/** Writes a line for the person at the terminal. */
export function printNotice({ stderr }: Terminal, text: string): void {
  stderr.write(`${text}\n`);
}

/** Lines of two columns, the first as wide as its longest entry. */
export function formatColumns(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd()).join("\n");
}
