import { Command, Option } from "commander";
import { WEIGHT_DTYPES } from "../export/model-folder.js";
import { DECODE_MODES, type DecodeOptions, decode } from "./decode.js";
import { type DoctorOptions, doctor } from "./doctor.js";
import { type EncodeOptions, encode } from "./encode.js";
import { type EvaluateCommandOptions, evaluateModel } from "./evaluate.js";
import { EXPORT_FORMATS, type ExportOptions, exportModel } from "./export.js";
import { EXIT, type ExitStatus } from "./failure.js";
import type { TrainOptions } from "./follow-training.js";
import {
  DECODE_HELP,
  DOCTOR_HELP,
  ENCODE_HELP,
  EVALUATE_HELP,
  EXPORT_HELP,
  INFO_HELP,
  PREPARE_HELP,
  PROGRAM_HELP,
  TRAIN_ASR_HELP,
  TRAIN_HELP,
  TRANSCRIBE_HELP,
} from "./help.js";
import { type InfoOptions, info } from "./info.js";
import {
  deviceOption,
  modelOptions,
  overwriteOptions,
  parseInteger,
  precisionOption,
  threadsOption,
} from "./options.js";
import { type PrepareOptions, prepare } from "./prepare.js";
import type { Session } from "./terminal.js";
import { TOKEN_FORMATS } from "./token-formats.js";
import { train } from "./train.js";
import { trainRecogniser } from "./train-asr.js";
import { type TranscribeCommandOptions, transcribe } from "./transcribe.js";
import { packageVersion } from "./version.js";

/** Parses a command line and carries it out. Rejects with commander's error after help, version and usage errors. */
export async function runProgram(argv: readonly string[], session: Session): Promise<ExitStatus> {
  let status: ExitStatus = EXIT.done;
  const finish = async (running: Promise<ExitStatus>) => {
    status = await running;
  };

  const program = createProgram(session);
  addEncode(program).action((inputs: string[], options: EncodeOptions) => finish(encode(inputs, options, session)));
  addDecode(program).action((inputs: string[], options: DecodeOptions) => finish(decode(inputs, options, session)));
  addInfo(program).action((subject: string, options: InfoOptions) => finish(info(subject, options, session)));
  addExport(program).action((model: string, options: ExportOptions) => finish(exportModel(model, options, session)));
  addPrepare(program).action((data: string[], options: PrepareOptions) => finish(prepare(data, options, session)));
  const training = addTrain(program).action((config: string, overrides: string[], options: TrainOptions) =>
    finish(train(config, overrides, options, session)),
  );
  addTrainAsr(training).action((config: string, overrides: string[], options: TrainOptions) =>
    finish(trainRecogniser(config, overrides, options, session)),
  );
  addTranscribe(program).action((inputs: string[], options: TranscribeCommandOptions) =>
    finish(transcribe(inputs, options, session)),
  );
  addEvaluate(program).action((data: string[], options: EvaluateCommandOptions) =>
    finish(evaluateModel(data, options, session)),
  );
  addDoctor(program).action((options: DoctorOptions) => finish(doctor(options, session)));
  await program.parseAsync(argv, { from: "user" });
  return status;
}

function createProgram({ terminal: { stdout, stderr } }: Session): Command {
  return new Command("lmspt")
    .description("Turns speech into tokens and tokens into speech.")
    .version(packageVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .enablePositionalOptions() // options behind a command are its own, also behind train asr
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .showHelpAfterError("(--help says more)")
    .exitOverride()
    .addHelpText("after", PROGRAM_HELP);
}

function addEncode(program: Command): Command {
  const command = program
    .command("encode")
    .description("Turn speech into tokens.")
    .argument("<in...>", "audio files and folders")
    .requiredOption("-o, --output <out>", "file or folder for the tokens")
    .addOption(
      new Option("--format <name>", "form of the tokens (default: by the extension of <out>, else lmspt)").choices(
        TOKEN_FORMATS,
      ),
    )
    .addOption(new Option("--archive", "write all tokens into one archive, the folder <out>").conflicts("format"))
    .addOption(
      new Option("--shard-size <MB>", "size at which the archive begins another file (default: 256)").argParser(
        parseInteger("1 or more"),
      ),
    );
  return withOptions(command, [...modelOptions(), ...overwriteOptions()]).addHelpText("after", ENCODE_HELP);
}

function addDecode(program: Command): Command {
  const command = program
    .command("decode")
    .description("Turn tokens into speech.")
    .argument("<in...>", "token files, folders and archives")
    .requiredOption("-o, --output <out>", "WAV file or folder for the speech")
    .addOption(
      new Option("--mode <name>", "what makes the speech (default: full)").choices(DECODE_MODES).conflicts("codebooks"),
    )
    .addOption(
      new Option("--codebooks <count>", "decode from the first codebooks only").argParser(parseInteger("1 or more")),
    )
    .addOption(
      new Option("--encoding <name>", "samples of the WAV file")
        .choices(["pcm16", "pcm24", "float32"])
        .default("pcm16"),
    )
    .option("--recover", "decode what is intact of damaged or unfinished token files, with silence for the rest");
  return withOptions(command, [...modelOptions(), ...overwriteOptions()]).addHelpText("after", DECODE_HELP);
}

function addInfo(program: Command): Command {
  return program
    .command("info")
    .description("Tell what a token file, a token archive, an audio file or a model is.")
    .argument("<file|model>", "file, archive, model folder or model name")
    .option("--json", "print JSON")
    .addHelpText("after", INFO_HELP);
}

function addExport(program: Command): Command {
  const command = program
    .command("export")
    .description("Write a model as ONNX, as plan files, or as a model folder.")
    .argument("<model>", "preset, model folder, hf://owner/repository or random:SEED[:preset]")
    .addOption(new Option("--to <format>", "what to write").choices(EXPORT_FORMATS).makeOptionMandatory())
    .requiredOption("-o, --output <folder>", "folder for the files")
    .addOption(
      new Option("--frames <count>", "length that plan files are made for").argParser(
        parseInteger("1 to 100000", 100_000),
      ),
    )
    .addOption(precisionOption("that plan files keep"))
    .addOption(new Option("--dtype <name>", "what safetensors hold (default: f32)").choices(WEIGHT_DTYPES))
    .option("-q, --quiet", "no progress and no summary; warnings and errors stay");
  return withOptions(command, overwriteOptions()).addHelpText("after", EXPORT_HELP);
}

function addPrepare(program: Command): Command {
  return program
    .command("prepare")
    .description("Read a corpus once and write an index of it, for training.")
    .argument("<data...>", "folders, audio files, manifests, tar shards")
    .requiredOption("-o, --output <index>", "file for the index, such as corpus.jsonl")
    .addOption(threadsOption("threads that decode"))
    .option("-q, --quiet", "no progress and no summary; broken files are told")
    .addHelpText("after", PREPARE_HELP);
}

function addTrain(program: Command): Command {
  return program
    .command("train")
    .description("Train a tokenizer on speech, or go on with a run.")
    .argument("<config>", "preset, YAML file, or the folder of a run to go on with")
    .argument("[key=value...]", "settings that win over the configuration")
    .option("-q, --quiet", "no progress; warnings and errors stay")
    .addHelpText("after", TRAIN_HELP);
}

function addTrainAsr(training: Command): Command {
  return training
    .command("asr")
    .description("Train a recogniser on speech with transcripts: a teacher for tokenizers, and their judge.")
    .argument("<config>", "preset, YAML file, or the folder of a run to go on with")
    .argument("[key=value...]", "settings that win over the configuration")
    .option("-q, --quiet", "no progress; warnings and errors stay")
    .addHelpText("after", TRAIN_ASR_HELP);
}

function addTranscribe(program: Command): Command {
  return program
    .command("transcribe")
    .description("Turn speech into text with a Whisper model.")
    .argument("<in...>", "audio files, folders, manifests, tar shards")
    .requiredOption("-m, --model <folder>", "folder of a Whisper model with its tokenizer")
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(
      new Option("--beams <count>", "texts followed at a time").default(1).argParser(parseInteger("1 to 64", 64)),
    )
    .option("--language <code>", "what is spoken, en for instance (default: found out)")
    .option("--json", "print a JSON object a line, with file, text, tokens and language")
    .addHelpText("after", TRANSCRIBE_HELP);
}

function addEvaluate(program: Command): Command {
  const command = program
    .command("evaluate")
    .description("Measure how well speech comes back from a tokenizer.")
    .argument("<data...>", "audio files, folders, manifests, tar shards")
    .option("--recogniser <folder>", "folder of a Whisper model that judges what can be understood")
    .option("--language <code>", "recordings in this language alone, as the corpus names it")
    .addOption(
      new Option("--items <count>", "recordings, evenly from all (default: all)").argParser(parseInteger("1 or more")),
    )
    .option("--json", "print JSON");
  return withOptions(command, modelOptions()).addHelpText("after", EVALUATE_HELP);
}

function addDoctor(program: Command): Command {
  return program
    .command("doctor")
    .description("Tell what was found on this machine, what is missing and what helps.")
    .option("--json", "print JSON")
    .addHelpText("after", DOCTOR_HELP);
}

function withOptions(command: Command, options: readonly Option[]): Command {
  for (const option of options) command.addOption(option);
  return command;
}
