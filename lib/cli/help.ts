import { EXIT } from "./failure.js";

/** Text after the list of commands. */
export const PROGRAM_HELP = `
Examples:
  lmspt encode speech.wav -o speech.lmspt      speech to tokens
  lmspt decode speech.lmspt -o speech.wav      and back
  lmspt encode corpus/ -o tokens/              a folder; its tree is kept; a rerun goes on where it stopped
  lmspt encode corpus/ -o tokens/ --archive    a folder into one archive
  lmspt info speech.lmspt                      what a file holds
  lmspt export 12.5hz-24k --to onnx -o onnx/   a model for other runtimes
  lmspt prepare corpus/ -o corpus.jsonl        read a corpus once, for training
  lmspt train tiny data=corpus/ out=run1       a tokenizer of one's own
  lmspt transcribe speech.wav -m whisper/      what is said
  lmspt doctor                                 what this machine can do

Exit status:
  ${String(EXIT.done).padEnd(3)}  everything is done, by this run or an earlier one
  ${String(EXIT.inputFailed).padEnd(3)}  some input failed and is named at the end; the rest is done
  ${String(EXIT.usage).padEnd(3)}  the command line is wrong
  ${String(EXIT.unusable).padEnd(3)}  the model, the device or the output cannot be used
  ${String(EXIT.interrupted).padEnd(3)}  interrupted by Ctrl-C; no half-written file is left (${EXIT.terminated}: by SIGTERM)

LMSPT_DEBUG=1 adds stacks to errors. LMSPT_THREADS sets the number of threads, LMSPT_CPU the variant of the CPU kernels.`;

const TARGET_HELP = `With one file as input, --output is a file name, or a folder where it exists as one, ends with a slash or has no
extension. With a folder or several inputs it is a folder. The tree below an input folder is kept; with several inputs,
folders keep their own names too.

In an output folder, a rerun passes over inputs whose output is there, unchanged since it was made from the same input
(its size and time of change) by the same model with the same settings; the hidden file .lmspt-journal.jsonl remembers
that. Any other file that exists is left as it is and counts as failed, unless --overwrite is given. Inputs that fail are
named at the end and do not stop the rest. Reading, computing and writing overlap; inputs are taken by kind and size, so
that those of equal length are computed together.`;

export const ENCODE_HELP = `
Reads WAV, FLAC, MP3, Ogg Vorbis and Opus at any rate; channels are mixed into one. In folders, files that end in .wav,
.flac, .mp3, .ogg, .oga or .opus are taken.

${TARGET_HELP}

Formats: lmspt is the compact token file; json holds codes and rates; npy holds the codes alone, as int64 [K, frames].

--archive makes the folder <out> one archive of all tokens instead: a few large files and an index, from which they are
read by name (the input's path below its folder, without extension). Running it again adds what is missing; an archive
survives being interrupted or killed at any time. docs/token-archive.md describes it.

Examples:
  lmspt encode speech.wav -o speech.lmspt
  lmspt encode speech.mp3 -o speech.json       the extension chooses the format
  lmspt encode a.wav b.flac corpus/ -o tokens/ --format npy
  lmspt encode corpus/ -o tokens/ --archive --shard-size 1000`;

export const DECODE_HELP = `
Reads token files, JSON, NPY and token archives (their folder stands for all entries). NPY holds no length, so its last
frame is decoded as a full one. In folders, files that end in .lmspt, .json or .npy are taken.

${TARGET_HELP}

Modes: full uses all codebooks; semantic and acoustic use those alone; aux is the auxiliary decoder on the semantic
codebook, with an output rate of its own.

A damaged token file fails. With --recover its intact chunks (of 256 frames, where encode wrote them) are decoded; what
is lost is silence, so that times and length stay, and is told at the end. This takes an intact header, and is no failure.

Examples:
  lmspt decode speech.lmspt -o speech.wav
  lmspt decode tokens/ -o speech/ --codebooks 4
  lmspt decode cut-off.lmspt -o speech.wav --recover
  lmspt decode speech.lmspt -o semantic.wav --mode aux --encoding float32`;

export const INFO_HELP = `
A token file or archive is read whole and checked; the status is ${EXIT.inputFailed} where something of it is damaged or it was never finished.
What is lost of a file is listed; decode --recover makes speech of the rest.

A model is loaded (and downloaded, where it is not on this machine).

Examples:
  lmspt info speech.lmspt
  lmspt info 12.5hz-24k --json`;

export const EXPORT_HELP = `
onnx and plan are three files: encode (speech to codes), decode (codes to speech) and aux_decode (semantic codes to the
auxiliary decoder's speech). safetensors is a model folder, with which lmspt works as with its original.

onnx   operator set 17, standard operators, float32, any batch size and length:
         encode.onnx      audio float32 [batch, 1, samples] -> codes int64 [batch, codebooks, frames]
         decode.onnx      codes int64 [batch, codebooks, frames] -> audio float32 [batch, 1, samples]
         aux_decode.onnx  the same at the auxiliary rate; only the semantic codebooks are read
       Audio is completed to whole frames by zeros. The decoders give what their convolutions reach, a few samples less
       than whole frames. The metadata hold the rates, the configuration, the fingerprint and the licence.
plan   encode.plan, decode.plan, aux_decode.plan for the C API, for a batch of one and the length that --frames says:
         audio f32 (1, samples, 1), codes i32 (1, frames, codebooks)
safetensors  model.safetensors and config.json; --dtype f16 or bf16 halves the file and rounds the weights to 11 or 8 bits

Examples:
  lmspt export run1/checkpoint/epoch-003_step-0010000 --to safetensors --dtype f16 -o my-model/
  lmspt export 12.5hz-24k --to onnx -o onnx/
  lmspt export my-model/ --to plan --frames 125 -o plans/`;

export const PREPARE_HELP = `
Decodes every recording to its end and writes its length, rate, channels and SHA-256 into the index, with the text where
the corpus has one: LibriSpeech, LJSpeech, VCTK, JSONL manifests, Kaldi, tar shards; docs/training.md tells their layouts.
data=INDEX in a training configuration takes it. Recordings that cannot be read are named, counted, and left out then.

The index appears when it is complete. A rerun goes on where the last one stopped, and reads only what changed (by size and
time of change) since the index was made.

Examples:
  lmspt prepare LibriSpeech/ -o libri.jsonl
  lmspt prepare shards/ more.tar list.jsonl -o all.jsonl`;

export const TRAIN_HELP = `
Presets: released is the recipe of the published weights, tiny the same so small that it runs in minutes on two cores.
What a configuration may say, with all defaults: docs/training.md.

The run's folder (out=FOLDER, or LOG_DIR/EXP_NAME) holds config.yaml, TensorBoard's files and checkpoint/, whose folders
are models: lmspt encode --model FOLDER takes them. The last line on standard output names the newest. Ctrl-C saves a
checkpoint; naming the run's folder goes on from there, bit for bit as if it had never stopped.

Examples:
  lmspt train tiny out=run1 data=corpus/ steps=200
  lmspt train released data=LibriSpeech/ data.valid=dev/ teacher.model=whisper-large-v3/
  lmspt train my.yaml optimizer.rate=1e-4
  lmspt train run1                             goes on`;

export const TRAIN_ASR_HELP = `
Preset: asr-tiny, a Whisper of 3 million weights that hears 6 s and writes letters. What a configuration may say, with all defaults:
docs/training.md.

data is a corpus with transcripts, such as a JSONL manifest, an object a line:
{"audio": "a.wav", "text": "what is said", "language": "en"}.

The run's folder is as of lmspt train. The checkpoints in it are models with tokenizer files: lmspt transcribe --model
FOLDER takes them, and so does teacher.model=FOLDER of lmspt train.

Examples:
  lmspt train asr asr-tiny out=asr1 data=train.jsonl data.valid=valid.jsonl
  lmspt train asr asr1                         goes on`;

export const TRANSCRIBE_HELP = `
The folder holds model.safetensors (names of Hugging Face or OpenAI), config.json, and tokenizer.json or vocab.json with
merges.txt. Long recordings are cut at quiet places.

Prints the text of one file; of several, a line each with the file's path, a tab and the text.

Examples:
  lmspt transcribe speech.wav --model whisper-small/
  lmspt transcribe corpus/ --model asr1/checkpoint/epoch-003_step-0010000 --beams 4 --json`;

export const EVALUATE_HELP = `
Every recording is encoded and decoded: from all codebooks, from the semantic ones, and from these by the small decoder.
What comes back is compared with the recording: distance of log-mel spectrograms, short-time objective intelligibility,
scale-invariant signal-to-distortion ratio; with --recogniser and a corpus that has transcripts also by word error rate.

Examples:
  lmspt evaluate speech.wav
  lmspt evaluate held-out.jsonl --model run1/checkpoint/epoch-003_step-0010000 --recogniser asr1/checkpoint/... --items 100`;

export const DOCTOR_HELP = `
Nothing is changed or downloaded. The status is ${EXIT.unusable} where the engine cannot run at all; CUDA may be missing.`;
