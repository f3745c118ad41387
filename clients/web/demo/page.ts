// What stands on every demo page.
import { OWN_CREDENTIALS } from './service.js';

/** How the inspector is started. A test runs it with a copied token. */
export const INSPECT = 'cargo run --bin tokenmint -- inspect';

export function at<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element as E;
}

/** Minutes and seconds, with hours if there are any. */
export function clock(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (number: number) => String(number).padStart(2, '0');
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
}

/** The line above each page. */
export const TOP = `
<header class="top">
  <a class="brand" href="./index.html"><img src="./icon.svg" alt="" width="28" height="28"> Tokenmint</a>
  <a href="./index.html">All demos</a>
</header>`;

/** Who is signed in, if the pages have a sign-in. */
export const WHO = `
      <div class="who" id="who" hidden>
        <p id="who-name" role="status"></p>
        <button id="sign-in" type="button">Sign in</button>
        <button id="sign-out" type="button" hidden>Sign out</button>
      </div>`;

/** What went wrong last. */
export const PROBLEM = `
    <section class="panel problem" id="problem" role="alert" hidden>
      <h2 id="problem-what"></h2>
      <p><span id="problem-why"></span> <span id="problem-next"></span></p>
      <p class="detail" id="problem-detail"></p>
      <p class="buttons"><button class="primary" id="again" type="button" hidden>Sign in again</button></p>
    </section>`;

/** The log of what happened. While it is empty, `first` says what to do. */
export const log = (first: string) => `
    <section class="panel" aria-labelledby="log-heading">
      <h2 id="log-heading">What happened</h2>
      <p class="quiet" id="log-empty">Nothing yet. ${first}</p>
      <div class="log" id="log" role="log" aria-live="polite" aria-labelledby="log-heading" tabindex="0"><ol id="log-items"></ol></div>
    </section>`;

/** The page of an SDK. */
export const PAGE = `
${TOP}
<main>
  <h1 id="title"></h1>
  <p class="lead" id="about"></p>
  <section class="panel notice" id="notice" aria-labelledby="notice-title" hidden>
    <h2 id="notice-title"></h2>
    <p id="notice-why"></p>
    <details>
      <summary>Use your own project</summary>
      <p>Write your credentials into a file <code>credentials.json</code>. One vendor’s part is enough:</p>
      <pre tabindex="0" aria-label="credentials.json"><code>{"agora": {"app_id": "…", "app_certificate": "…"},
 "zego": {"app_id": 1234567, "server_secret": "…"}}</code></pre>
      <p>Then start the demo with it: <code>${OWN_CREDENTIALS}</code></p>
    </details>
  </section>
  <div class="demo" id="demo">
    <form class="panel form" id="form" aria-labelledby="form-heading" novalidate>
      <h2 id="form-heading">Log in</h2>
${WHO}
      <div id="fields"></div>
      <details>
        <summary>Life of the token, service, JWT</summary>
        <div id="more-fields"></div>
      </details>
      <div class="buttons">
        <button class="primary" id="login" type="submit">Log in</button>
        <button id="logout" type="button" disabled>Log out</button>
      </div>
    </form>
${PROBLEM}
    <section class="panel token" id="token" aria-labelledby="token-heading">
      <div class="state">
        <h2 id="token-heading">Your token</h2>
        <p class="chip" id="status" role="status"></p>
      </div>
      <dl class="figures">
        <div><dt>Expires in</dt><dd id="expires-in"></dd></div>
        <div><dt>Renews in</dt><dd id="renews-in"></dd></div>
        <div><dt>Renewals</dt><dd id="renewals"></dd></div>
      </dl>
      <div class="life" id="life" aria-hidden="true"><i></i><b id="life-due"></b></div>
    </section>
    <section class="panel" id="says" aria-labelledby="says-heading" hidden>
      <div class="state">
        <h2 id="says-heading">What the token says</h2>
        <p class="copy"><span id="copied" role="status"></span> <button id="copy" type="button">Copy token</button></p>
      </div>
      <dl class="facts" id="facts"></dl>
      <p class="inspect">To check it, run <code id="inspect-command">${INSPECT}</code> in the repository, paste the token, and press Enter and Ctrl-D.</p>
      <label class="field" id="token-field" hidden>Your browser does not let this page copy. Copy the token from here: <input id="token-text" readonly autocomplete="off" spellcheck="false"></label>
    </section>
${log('Log in, and each step appears here.')}
  </div>
</main>`;
