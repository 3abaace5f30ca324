/**
 * npm run make-speech -- OUT --hours H | --sentences N [--seed S]: speech with transcripts from public synthesisers.
 * docs/training.md tells what is in it.
 */
import { SingleBar } from "cli-progress";
import { Command, InvalidArgumentError, Option } from "commander";
import { formatDuration, formatSpeed } from "../../lib/cli/units.js";
import { makeSpeech } from "./make.js";
import { planCorpus } from "./plan.js";
import { VOICES } from "./voices.js";

interface Options {
  readonly hours?: number;
  readonly sentences?: number;
  readonly seed: number;
  readonly jobs: number;
  readonly only?: string;
}

async function main(out: string, { hours, sentences: count, seed, jobs, only }: Options): Promise<void> {
  if ((hours === undefined) === (count === undefined)) throw new Error("Expected either --hours or --sentences");
  const voices = VOICES.filter(({ synthesiser }) => only === undefined || synthesiser === only);
  const size = hours === undefined ? { sentences: count! } : { hours };
  const sentences = planCorpus({ seed, voices }, size);
  const bar = new SingleBar({
    format: "{percentage} %  {value}/{total} sentences  {speech} of speech  {speed}  {eta_formatted} left",
    noTTYOutput: true,
    notTTYSchedule: 10_000,
    hideCursor: true,
  });
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort(new Error("Interrupted; the same command goes on from here")));
  const total = sentences.length;
  const begin = performance.now();
  try {
    const made = await makeSpeech({
      ...{ out, seed, voices, sentences, jobs, signal: stop.signal },
      onProgress: ({ sentences, seconds, newSeconds }) => {
        if (!bar.isActive) bar.start(total, 0, { speech: "", speed: "" });
        const speed = formatSpeed(newSeconds, (performance.now() - begin) / 1000);
        bar.update(sentences, { speech: formatDuration(seconds), speed });
      },
    });
    bar.stop();
    console.log(`${made.sentences} sentences, ${formatDuration(made.seconds)} of speech, in ${out}`);
  } finally {
    bar.stop();
  }
}

function number(least: number, isWhole: boolean): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= least && (!isWhole || Number.isSafeInteger(value))) return value;
    throw new InvalidArgumentError(`Expected a ${isWhole ? "whole " : ""}number of at least ${least}.`);
  };
}

new Command("make-speech")
  .description("Make a corpus of speech with transcripts by espeak-ng and flite.")
  .argument("<out>", "folder; one that was begun is completed, one that is shorter is made longer")
  .addOption(new Option("--hours <number>", "how much speech, about").argParser(number(0.001, false)))
  .addOption(new Option("--sentences <count>", "how many sentences").argParser(number(1, true)))
  .addOption(new Option("--seed <number>", "decides everything").argParser(number(0, true)).default(1))
  .addOption(new Option("--jobs <count>", "synthesisers at the same time").argParser(number(1, true)).default(2))
  .addOption(new Option("--only <synthesiser>", "leave out the voices of the other").choices(["espeak-ng", "flite"]))
  .action(main)
  .parseAsync()
  .catch((error: Error) => {
    console.error(`make-speech: ${error.message}`);
    process.exitCode = 1;
  });
