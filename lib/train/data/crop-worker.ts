/** The thread that decodes and cuts, one request at a time, on one core. */
import { Resampler } from "../../audio/resample.js";
import { Device } from "../../graph/device.js";
import { type CropRequest, loadCrop } from "./crop.js";
import { answerTasks } from "./task-pool.js";

const resampler = new Resampler(Device.open("cpu", { threads: 1 }));

answerTasks(async (request: CropRequest) => {
  const result = await loadCrop(request, resampler);
  return { result, transfer: result.forms.map(({ buffer }) => buffer as ArrayBuffer) };
});
