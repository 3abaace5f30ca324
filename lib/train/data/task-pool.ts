/** Threads that do one task after another; tasks wait in line until a thread is free. */
import { join } from "node:path";
import { parentPort, Worker } from "node:worker_threads";
import { LmsptError } from "../../errors.js";

/** A thread that shows no result for so long is stuck; another takes its place. */
const LIMIT_MS = 120_000;

interface Task<Request, Result> {
  readonly request: Request;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
  /** Runs while a thread does the task. */
  watchdog?: NodeJS.Timeout;
}

type Reply<Result> = { readonly result: Result } | { readonly problem: string };

export class TaskPool<Request, Result> {
  private readonly waiting: Task<Request, Result>[] = [];
  private readonly threads = new Set<Worker>();
  private readonly idle: Worker[] = [];
  private readonly running = new Map<Worker, Task<Request, Result>>();
  private closed = false;

  /** `script` lies in this folder or below and calls `answerTasks`. */
  constructor(
    private readonly script: string,
    threads: number,
    private readonly limitMs = LIMIT_MS,
  ) {
    for (let i = 0; i < threads; i++) this.start();
  }

  /** Rejects with ERR_LMSPT_FORMAT and the thread's message where the task fails, ERR_LMSPT_CLOSED after `close`. */
  run(request: Request): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.closed) return reject(closedError());
      this.waiting.push({ request, resolve, reject });
      this.dispatch();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    const begun = [...this.threads].map((thread) => this.takeFrom(thread));
    for (const task of [...begun, ...this.waiting]) task?.reject(closedError());
    this.waiting.length = 0;
    await Promise.all([...this.threads].map((thread) => thread.terminate()));
  }

  private start(): void {
    // What decoders print is of no use to anybody.
    const thread = new Worker(join(__dirname, this.script), { execArgv: [], stdout: true, stderr: true });
    this.threads.add(thread);
    thread.on("message", (reply: Reply<Result>) => {
      if (!this.threads.has(thread)) return; // it came too late
      const task = this.takeFrom(thread);
      this.idle.push(thread);
      if ("result" in reply) task?.resolve(reply.result);
      else task?.reject(new LmsptError("ERR_LMSPT_FORMAT", reply.problem));
      this.dispatch();
    });
    thread.on("error", (error) => this.lose(thread, error.message));
    this.idle.push(thread);
  }

  private dispatch(): void {
    while (this.idle.length > 0 && this.waiting.length > 0) {
      const thread = this.idle.shift()!;
      const task = this.waiting.shift()!;
      this.running.set(thread, task);
      task.watchdog = setTimeout(() => this.lose(thread, `no result came for ${this.limitMs} ms`), this.limitMs);
      thread.postMessage(task.request);
    }
  }

  /** The task that a thread has done, or will never do. */
  private takeFrom(thread: Worker): Task<Request, Result> | undefined {
    const task = this.running.get(thread);
    this.running.delete(thread);
    clearTimeout(task?.watchdog);
    return task;
  }

  /** Puts another thread in the place of one that is of no more use. */
  private lose(thread: Worker, problem: string): void {
    if (this.closed || !this.threads.delete(thread)) return;
    const task = this.takeFrom(thread);
    const place = this.idle.indexOf(thread);
    if (place >= 0) this.idle.splice(place, 1);
    void thread.terminate();
    task?.reject(new LmsptError("ERR_LMSPT_FORMAT", problem));
    this.start();
    this.dispatch();
  }
}

/** For a pool's script: what the thread does with a request. Buffers in `transfer` are given away. */
export function answerTasks<Request, Result>(
  answer: (request: Request) => Promise<{ result: Result; transfer?: readonly ArrayBuffer[] }>,
): void {
  parentPort?.on("message", async (request: Request) => {
    try {
      const { result, transfer = [] } = await answer(request);
      parentPort!.postMessage({ result } satisfies Reply<Result>, [...transfer]);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      parentPort!.postMessage({ problem } satisfies Reply<Result>);
    }
  });
}

function closedError(): LmsptError {
  return new LmsptError("ERR_LMSPT_CLOSED", "The data were closed");
}
