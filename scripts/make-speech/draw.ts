import { mix } from "../../lib/train/random.js";

/** Random choices, the same for the same seed and path on every machine. */
export class Draw {
  private state: number;

  /** `path` names what is drawn for, such as the number of an item. */
  constructor(seed: number, ...path: readonly number[]) {
    this.state = path.reduce((state, step) => mix(state ^ Math.imul(step + 1, 0x9e3779b1)), mix(seed >>> 0));
  }

  /** From 0 up to, not including, 1. */
  fraction(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    return mix(this.state) / 2 ** 32;
  }

  /** A whole number from `least` to `most`. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.integer(0, choices.length - 1)]!;
  }

  /** One of them, each as often as its weight says. */
  weigh<T extends { readonly weight: number }>(choices: readonly T[]): T {
    let rest = this.fraction() * choices.reduce((sum, { weight }) => sum + weight, 0);
    for (const choice of choices) {
      rest -= choice.weight;
      if (rest < 0) return choice;
    }
    return choices.at(-1)!;
  }
}
