export { TRAIN_PRESETS } from "./presets.js";
export { type ResolvedConfig, resolveConfig } from "./resolve.js";
export type { TrainConfig } from "./schema.js";
