import { setMaxListeners } from "node:events";
import { EXIT, type ExitStatus } from "./failure.js";

const STATUS_OF_SIGNAL = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

/** Turns the first Ctrl-C (or SIGTERM) into an abort. A second one ends the program at once, as without a handler. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  #status: ExitStatus | undefined;

  readonly #onSignal = (name: NodeJS.Signals) => {
    this[Symbol.dispose]();
    this.#status = STATUS_OF_SIGNAL[name as keyof typeof STATUS_OF_SIGNAL];
    this.#controller.abort();
  };

  constructor() {
    // Every job under way listens.
    setMaxListeners(0, this.#controller.signal);
    for (const name of Object.keys(STATUS_OF_SIGNAL)) process.on(name as NodeJS.Signals, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The exit status that the interruption asks for; undefined while there was none. */
  get status(): ExitStatus | undefined {
    return this.#status;
  }

  [Symbol.dispose](): void {
    for (const name of Object.keys(STATUS_OF_SIGNAL)) process.off(name as NodeJS.Signals, this.#onSignal);
  }
}
