export type { ProgressListener } from "./blob.js";
export { CONFIG_FILE, WEIGHTS_FILE } from "./folder.js";
export { BUNDLED_MODEL, findPreset, type ModelLicence, PRESETS, type Preset } from "./presets.js";
export { type ResolvedModel, type ResolveOptions, resolveModel } from "./resolve.js";
export type { NetworkPolicy } from "./retry.js";
