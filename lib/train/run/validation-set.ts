import type { ResolvedConfig } from "../config/index.js";
import { Batches, loadCorpus } from "../data/index.js";
import type { StepSize } from "../step/index.js";
import { cropForms, nameForms, type StepAudio } from "./setup.js";

/** The crops that a run is judged by: chosen by the seed, the same whenever it is taken up again. */
export async function loadValidationItems(config: ResolvedConfig, size: StepSize): Promise<StepAudio[]> {
  const { data, validation, seed } = config;
  if (data.valid.length === 0) return [];
  const sources = (await loadCorpus(data.valid)).map(({ source }) => source);
  const forms = cropForms(config, size);
  const count = Math.min(validation.items, sources.length);
  const shared = { seed, workers: data.workers, forms: [...forms.values()] };
  const source = new Batches({ ...shared, sources, batch: 1, ahead: count, start: 0 });
  try {
    const items: StepAudio[] = [];
    while (items.length < count) items.push(nameForms(forms.keys(), (await source.next()).forms));
    return items;
  } finally {
    await source.close();
  }
}
