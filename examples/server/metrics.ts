/** What /metrics tells, in the text format of Prometheus. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export class Metrics {
  readonly registry = new Registry();
  readonly requests = new Counter({
    name: "lmspt_requests_total",
    help: "Answers by route and status",
    labelNames: ["route", "status"],
    registers: [this.registry],
  });
  readonly latency = new Histogram({
    name: "lmspt_request_seconds",
    help: "Time from the first byte of a request to the last of its answer",
    labelNames: ["route"],
    buckets: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
    registers: [this.registry],
  });
  readonly batches = new Histogram({
    name: "lmspt_batch_items",
    help: "Requests that were computed together",
    buckets: [1, 2, 4, 8, 16, 32],
    registers: [this.registry],
  });
  readonly audio = new Counter({
    name: "lmspt_audio_seconds_total",
    help: "Audio encoded and decoded",
    labelNames: ["route"],
    registers: [this.registry],
  });

  /** `active` tells the requests under way. */
  constructor(active: () => number) {
    collectDefaultMetrics({ register: this.registry });
    new Gauge({
      name: "lmspt_requests_active",
      help: "Requests that are received, waiting or computed",
      registers: [this.registry],
      collect() {
        this.set(active());
      },
    });
  }
}
