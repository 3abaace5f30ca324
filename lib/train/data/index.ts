export { type Batch, Batches, type BatchOptions } from "./batches.js";
export { listAudio } from "./corpus.js";
export { type CropForm, type CropRequest, loadCrop } from "./crop.js";
