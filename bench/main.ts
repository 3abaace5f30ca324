/** Benchmarks by name: npm run bench -- NAME [ARGUMENTS] */
import * as calls from "./calls.js";
import * as causal from "./causal.js";
import * as cpu from "./cpu.js";
import * as eventLoop from "./event-loop.js";
import * as kernels from "./kernels.js";
import * as layers from "./layers.js";
import * as lengths from "./lengths.js";
import * as load from "./load.js";
import * as long from "./long.js";
import * as lookahead from "./lookahead.js";
import * as memory from "./memory.js";
import * as service from "./service.js";
import * as train from "./train.js";

const benchmarks: Readonly<Record<string, { main(args: readonly string[]): Promise<void> }>> = {
  calls,
  causal,
  cpu,
  "event-loop": eventLoop,
  kernels,
  layers,
  lengths,
  load,
  long,
  lookahead,
  memory,
  service,
  train,
};

const [name = "", ...args] = process.argv.slice(2);
const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
if (benchmark) {
  void benchmark.main(args);
} else {
  console.error(`usage: npm run bench -- ${Object.keys(benchmarks).join(" | ")}`);
  process.exitCode = 2;
}
