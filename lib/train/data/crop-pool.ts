import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { LmsptError } from "../../errors.js";
import type { Crop, CropRequest } from "./crop.js";
import type { CropReply } from "./crop-worker.js";

interface Waiting {
  readonly resolve: (crop: Crop) => void;
  readonly reject: (error: Error) => void;
}

/** Threads that load crops; requests go to them in turn. */
export class CropPool {
  private readonly workers: readonly Worker[];
  private readonly waiting = new Map<number, Waiting>();
  private sent = 0;

  constructor(threads: number) {
    this.workers = Array.from({ length: threads }, () => this.start());
  }

  /** Rejects with ERR_LMSPT_FORMAT's message where the file cannot be read. */
  load(request: CropRequest): Promise<Crop> {
    const id = this.sent++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.workers[id % this.workers.length]!.postMessage({ id, request });
    });
  }

  async close(): Promise<void> {
    this.failAll(new LmsptError("ERR_LMSPT_CLOSED", "The data were closed"));
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  private start(): Worker {
    const worker = new Worker(join(__dirname, "crop-worker.js"), { execArgv: [] });
    worker.on("message", ({ id, crop, problem }: CropReply) => {
      const waiting = this.waiting.get(id);
      this.waiting.delete(id);
      if (crop) waiting?.resolve(crop);
      else waiting?.reject(new LmsptError("ERR_LMSPT_FORMAT", problem ?? "unknown"));
    });
    worker.on("error", (error) => this.failAll(error));
    return worker;
  }

  private failAll(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
