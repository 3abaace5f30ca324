/** Starts the server: node dist/examples/server/main.js --help */
import { once } from "node:events";
import { Tokenizer } from "../../lib/index.js";
import { createService } from "./service.js";
import { parseSettings, type ServerSettings, USAGE } from "./settings.js";

async function main(settings: ServerSettings): Promise<void> {
  const { model, device, threads, host, port } = settings;
  await using tokenizer = await Tokenizer.load(model, { device, threads });
  const { info } = tokenizer;
  if (info.untrained)
    console.error(`*** UNTRAINED MODEL *** ${info.name} has random weights: its tokens carry no meaning`);
  if (info.licence) console.error(`Licence: ${info.licence.notice}`);
  const service = createService(tokenizer, settings);
  const stopping = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  const address = await service.app.listen({ host, port });
  console.log(`Model ${info.name} on ${info.device}, listening on ${address}`);
  await stopping;
  console.log("Stopping: no more requests are taken, those under way are finished");
  await service.stop();
  console.log("Stopped");
}

const args = process.argv.slice(2);
if (args.includes("--help")) {
  console.log(USAGE);
} else {
  main(parseSettings(args)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
