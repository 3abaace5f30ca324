// node examples/encode-decode.mjs IN.wav OUT.wav [MODEL]
import { writeFile } from "node:fs/promises";
import { encodeWav, Tokenizer } from "lmspt";

const [input, output, model] = process.argv.slice(2);
const tokenizer = await Tokenizer.load(model);
const tokens = await tokenizer.encode(input);
console.log(`${tokens.frames} frames; the semantic tokens begin with ${tokens.semantic[0].slice(0, 8).join(" ")}`);
const speech = await tokenizer.decode(tokens);
await writeFile(output, encodeWav(speech));
await tokenizer.close();
