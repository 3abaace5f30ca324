/** A process that makes a training step for every line it is sent, so that several can take turns. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";

/** What such a process says, one JSON object a line. */
export interface Answer {
  readonly ready?: string;
  readonly seconds?: number;
  /** Where it knows. */
  readonly peakBytes?: number;
}

export class Contestant {
  /** Seconds of each step. */
  readonly times: number[] = [];

  private constructor(
    readonly name: string,
    /** What it is, in its own words. */
    readonly description: string,
    private readonly child: ChildProcess,
    private readonly lines: AsyncIterator<string>,
  ) {}

  /** Starts it and waits until it has made its first step, which does not count. */
  static async start(name: string, command: string, args: readonly string[]): Promise<Contestant> {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    const failed = new Promise<never>((_, reject) => child.once("error", reject));
    const reader: Interface = createInterface(child.stdout!);
    const lines = reader[Symbol.asyncIterator]();
    const { ready } = await Promise.race([nextAnswer(name, lines), failed]);
    return new Contestant(name, ready ?? name, child, lines);
  }

  async step(): Promise<void> {
    this.child.stdin!.write("\n");
    this.times.push((await nextAnswer(this.name, this.lines)).seconds!);
  }

  /** Ends it; resolves to the most memory that it held, in bytes, where it knows. */
  async finish(): Promise<number | undefined> {
    this.child.stdin!.end();
    return (await nextAnswer(this.name, this.lines)).peakBytes;
  }
}

async function nextAnswer(name: string, lines: AsyncIterator<string>): Promise<Answer> {
  const { value, done } = await lines.next();
  if (done) throw new Error(`${name} ended before it answered`);
  return JSON.parse(value) as Answer;
}
