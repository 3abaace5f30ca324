/** Trains until it is killed: train.js CONFIG key=value ..., a line of standard error per step. */
import { Trainer } from "../../../lib/train/trainer.js";

async function main([config, ...overrides]: string[]): Promise<void> {
  for await (const event of new Trainer(config!, { overrides })) {
    if (event.kind === "step") process.stderr.write(`step ${event.step}\n`);
  }
}

void main(process.argv.slice(2));
