// One shape for what was refused or failed, over REST and the socket alike. It must not know what anybody does about it.

/** `code` is the contract, `message` is for people, `retry` says whether the same again can succeed later. Without a status it was not REST that refused. */
export class Problem extends Error {
  constructor({ code, status = 0, message, detail, retry = !status || status === 408 || status === 429 || status >= 500, retry_ms = null, errors = [] }) {
    super(message ?? detail ?? code);
    Object.assign(this, { name: 'Problem', code, status, retry, retry_ms, errors });
  }
}

/** Nothing was heard: it may have been carried out or not. */
export const offline = () => new Problem({ code: 'unavailable' });

/** In a `catch` that means problems: anything else is a fault of the program and goes on. */
export function expect(problem) {
  if (!(problem instanceof Problem)) throw problem;
}
