import { LmsptError } from "../errors.js";
import type { HttpAnswer } from "./http.js";
import type { HubFile } from "./reference.js";
import { parseRetryAfter, TransientError } from "./retry.js";

/** Who refused, and with what credentials. */
export interface RefusalContext {
  /** False when a storage server behind the hub refused. */
  readonly fromHub: boolean;
  readonly endpoint: string;
  readonly hasToken: boolean;
}

/** The hub knows what was asked for and says that it is not there. */
export class NotOnHubError extends LmsptError {
  constructor(message: string) {
    super("ERR_LMSPT_MODEL", message);
  }
}

/** Turns an unsuccessful HTTP status into the error that tells the user what to do. */
export function statusError(answer: HttpAnswer, file: HubFile, context: RefusalContext): LmsptError {
  const { status, url, headers } = answer;
  if (status === 408 || status === 429 || status >= 500) {
    const retryAfterMs = parseRetryAfter(headers.get("retry-after"));
    return new TransientError(`${url.host} answered ${status} for ${describe(file)}`, { retryAfterMs });
  }
  if (context.fromHub && (status === 401 || status === 403)) return accessError(status, file, context);
  if (context.fromHub && status === 404) return notFoundError(headers.get("x-error-code"), file);
  return new LmsptError("ERR_LMSPT_DOWNLOAD", `${url.host} answered ${status} for ${describe(file)}`);
}

function accessError(status: number, file: HubFile, { endpoint, hasToken }: RefusalContext): LmsptError {
  const remedy = hasToken
    ? `The token in use does not give access: accept the terms at ${endpoint}/${file.repo} with its account, or use another token`
    : `Accept the terms at ${endpoint}/${file.repo}, then set HF_TOKEN to an access token of that account`;
  return new LmsptError(
    "ERR_LMSPT_DOWNLOAD",
    `The hub refuses ${describe(file)} (${status}): the repository needs a token or acceptance of its terms, or does ` +
      `not exist. ${remedy}`,
  );
}

const MISSING: Record<string, string> = {
  RepoNotFound: "the repository does not exist, or is private and needs HF_TOKEN",
  RevisionNotFound: "the repository has no such revision",
  EntryNotFound: "the revision has no such file",
};

function notFoundError(errorCode: string | null, file: HubFile): NotOnHubError {
  const reason = MISSING[errorCode ?? ""] ?? "check the three names";
  return new NotOnHubError(`The hub does not have ${describe(file)} (404): ${reason}`);
}

function describe({ repo, revision, file }: HubFile): string {
  return `file ${file} of repository ${repo} at revision ${revision}`;
}
