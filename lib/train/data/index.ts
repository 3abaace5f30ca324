export { type AudioSource, describeSource, loadSource } from "./audio-source.js";
export { type Batch, Batches, type BatchOptions } from "./batches.js";
export { type CorpusEntry, loadCorpus } from "./corpus.js";
export { type Crop, type CropForm, type CropRequest, loadCrop } from "./crop.js";
