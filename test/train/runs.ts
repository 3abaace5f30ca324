/** Small runs on the fixtures' speech. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TrainEvent } from "../../lib/train/run/events.js";
import { Trainer, type TrainerOptions } from "../../lib/train/trainer.js";
import { fixture } from "../audio/support.js";
import { tree } from "../cli/support.js";

/** Settings of a run whose steps take a fraction of a second. */
export const small = [
  `data=${fixture("speech.wav")}`,
  "data.seconds=0.32",
  "data.batch=2",
  "data.workers=1",
  "threads=1",
  "discriminators.periods=[2]",
  "log.every=1",
];

export async function collect(
  config: string | object,
  overrides: readonly string[],
  options: TrainerOptions = {},
): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of new Trainer(config, { ...options, overrides })) events.push(event);
  return events;
}

export const ofKind = <K extends TrainEvent["kind"]>(events: readonly TrainEvent[], kind: K) =>
  events.filter((event): event is Extract<TrainEvent, { kind: K }> => event.kind === kind);

/** Every file of a checkpoint, by name. */
export async function contents(folder: string): Promise<Record<string, Buffer>> {
  const names = await tree(folder);
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))])));
}
