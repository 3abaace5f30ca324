export { type Batch, Batches, type BatchOptions } from "./batches.js";
export { type CorpusItem, listAudio, listItems } from "./corpus.js";
export { type CropForm, type CropRequest, loadCrop } from "./crop.js";
