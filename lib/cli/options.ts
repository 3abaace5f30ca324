import { InvalidArgumentError, Option } from "commander";
import type { DeviceName } from "../graph/device.js";
import { PRECISIONS } from "../graph/precision.js";
import { BUNDLED_MODEL } from "../hub/presets.js";

/** The options of every command that runs a model. */
export function modelOptions(): Option[] {
  return [
    new Option("-m, --model <name>", "preset, model folder, hf://owner/repository or random:SEED[:preset]").default(
      BUNDLED_MODEL,
    ),
    deviceOption(),
    precisionOption("of convolutions").default("fp32"),
    threadsOption(),
    new Option("-q, --quiet", "no progress and no summary; warnings and errors stay"),
  ];
}

export function deviceOption(): Option {
  return new Option("-d, --device <name>", "auto, cpu, cuda or cuda:N").default("auto").argParser(parseDevice);
}

export function threadsOption(what = "threads on the CPU"): Option {
  return new Option("-t, --threads <count>", `${what} (default: all)`).argParser(parseInteger("1 to 1024", 1024));
}

export function precisionOption(what: string): Option {
  const meanings = "bf16x3 keeps the codes of fp32, tf32 (CUDA alone) and bf16 change some";
  return new Option("--precision <name>", `precision ${what}; ${meanings}`).choices(PRECISIONS);
}

/** The options of every command that writes files. */
export function overwriteOptions(): Option[] {
  return [
    new Option("--overwrite", "make everything anew and replace what exists").implies({ force: true }),
    new Option("-f, --force", "the same as --overwrite"),
  ];
}

/** Reads a whole number from 1 to `largest`; `range` says so in words. */
export function parseInteger(range: string, largest = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= 1 && value <= largest) return value;
    throw new InvalidArgumentError(`Expected a whole number, ${range}.`);
  };
}

function parseDevice(text: string): DeviceName {
  if (/^(auto|cpu|cuda(:\d+)?)$/.test(text)) return text as DeviceName;
  throw new InvalidArgumentError("Expected auto, cpu, cuda or cuda:N.");
}
