/** The thread that decodes and cuts, one request at a time, on one core. */
import { parentPort } from "node:worker_threads";
import { Resampler } from "../../audio/resample.js";
import { Device } from "../../graph/device.js";
import { type Crop, type CropRequest, loadCrop } from "./crop.js";

export interface CropReply {
  readonly id: number;
  readonly crop?: Crop;
  readonly problem?: string;
}

const port = parentPort;
if (port) {
  const resampler = new Resampler(Device.open("cpu", { threads: 1 }));
  port.on("message", async ({ id, request }: { id: number; request: CropRequest }) => {
    try {
      const crop = await loadCrop(request, resampler);
      port.postMessage(
        { id, crop } satisfies CropReply,
        crop.forms.map(({ buffer }) => buffer as ArrayBuffer),
      );
    } catch (error) {
      port.postMessage({ id, problem: error instanceof Error ? error.message : String(error) } satisfies CropReply);
    }
  });
}
