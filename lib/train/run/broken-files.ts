import type { BrokenFileEvent } from "./events.js";

/** Tells of every recording that is left out once. */
export class BrokenFiles {
  private readonly told = new Set<string>();

  /** Of what was found so far: names of recordings, and why they are left out. */
  *news(found: Iterable<readonly [path: string, problem: string]>): Generator<BrokenFileEvent, void> {
    for (const [path, problem] of found) {
      if (this.told.has(path)) continue;
      this.told.add(path);
      yield { kind: "broken-file", path, problem };
    }
  }
}
