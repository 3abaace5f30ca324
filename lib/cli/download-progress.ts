import { SingleBar } from "cli-progress";
import { printNotice, type Terminal } from "./terminal.js";
import { formatBytes } from "./units.js";

/** Bytes received and, where it is known, expected. */
type DownloadListener = (received: number, total: number | undefined) => void;

interface DownloadProgress {
  readonly listener: DownloadListener;
  /** No more will come. */
  stop(): void;
}

/** Shows a download from the first bytes on, with a bar on a terminal and one line elsewhere. */
export function startDownloadProgress(terminal: Terminal, quiet: boolean): DownloadProgress {
  if (quiet) return { listener() {}, stop() {} };
  return terminal.stderr.isTTY ? downloadBar(terminal) : downloadLine(terminal);
}

function downloadBar({ stderr }: Terminal): DownloadProgress {
  let bar: SingleBar | undefined;
  const listener: DownloadListener = (received, total) => {
    if (!bar) {
      const format = total === undefined ? "Downloading {bytes}" : "Downloading {bar} {percentage} %  {bytes}";
      bar = new SingleBar({ stream: stderr, format, barsize: 30, clearOnComplete: true, hideCursor: true });
      bar.start(total ?? 1, 0, { bytes: "" });
    }
    bar.update(total === undefined ? 0 : received, {
      bytes: total === undefined ? formatBytes(received) : `${formatBytes(received)} of ${formatBytes(total)}`,
    });
  };
  return { listener, stop: () => bar?.stop() };
}

function downloadLine(terminal: Terminal): DownloadProgress {
  let announced = false;
  const listener: DownloadListener = (_received, total) => {
    if (!announced) printNotice(terminal, `Downloading the model${total ? ` (${formatBytes(total)})` : ""}`);
    announced = true;
  };
  return { listener, stop() {} };
}
