import type { ResolvedConfig } from "../config/index.js";
import { Batches, loadCorpus } from "../data/index.js";
import type { StepSize } from "../step/index.js";
import { cropForms, nameForms, type StepAudio } from "./setup.js";

/** The crops that a run is judged by, and the recordings that were left out, with the reason of each. */
export interface ValidationSet {
  readonly items: readonly StepAudio[];
  readonly skipped: ReadonlyMap<string, string>;
}

/** Chosen by the seed, the same whenever a run is taken up again. */
export async function loadValidationSet(config: ResolvedConfig, size: StepSize): Promise<ValidationSet> {
  const { data, validation, seed } = config;
  if (data.valid.length === 0) return { items: [], skipped: new Map() };
  const sources = (await loadCorpus(data.valid)).map(({ source }) => source);
  const forms = cropForms(config, size);
  const count = Math.min(validation.items, sources.length);
  const shared = { seed, workers: data.workers, forms: [...forms.values()] };
  const source = new Batches({ ...shared, sources, batch: 1, ahead: count, start: 0 });
  try {
    const items: StepAudio[] = [];
    while (items.length < count) items.push(nameForms(forms.keys(), (await source.next()).forms));
    return { items, skipped: source.skipped };
  } finally {
    await source.close();
  }
}
