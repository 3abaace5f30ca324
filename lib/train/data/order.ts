import { randomInteger } from "../random.js";

/** The order in which items are drawn: every epoch all of them, shuffled by the seed and the epoch alone. */
export class DrawOrder {
  private epoch = -1;
  private shuffled: number[] = [];

  constructor(
    private readonly seed: number,
    private readonly items: number,
  ) {}

  /** The epoch (from 0) and item of a draw (from 0). */
  at(draw: number): { epoch: number; item: number } {
    const epoch = Math.floor(draw / this.items);
    if (epoch !== this.epoch) {
      this.epoch = epoch;
      this.shuffled = this.shuffle(epoch);
    }
    return { epoch, item: this.shuffled[draw - epoch * this.items]! };
  }

  private shuffle(epoch: number): number[] {
    const order = Array.from({ length: this.items }, (_, i) => i);
    for (let i = this.items - 1; i > 0; i--) {
      const j = randomInteger(this.seed, "order", epoch * this.items + i, i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }
}
