// The token of who looks, kept for this tab alone, and requests that carry it.

import { byId, setText } from './format.js';

const place = 'thalweg-token';
let token = sessionStorage.getItem(place) ?? '';
const listeners = [];

/** Calls `listener` when a token was given. */
export function onToken(listener) { listeners.push(listener); }

/** Like fetch, with the token when there is one; asks for another when it is refused. */
export async function request(path, { headers = {}, ...options } = {}) {
  const sent = token;
  const response = await fetch(path, {
    ...options, headers: sent ? { ...headers, authorization: `Bearer ${sent}` } : headers,
  });
  // An answer to an older token says nothing of the newest.
  if (response.status === 401 && sent === token) ask(sent ? 'The engine does not know this token.' : '');
  return response;
}

function ask(reason) {
  sessionStorage.removeItem(place);
  token = '';
  byId('leave').hidden = true;
  setText(byId('access-error'), reason);
  if (!byId('access').hidden) return;
  byId('access').hidden = false;
  byId('access-token').focus();
}

byId('access-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const given = byId('access-token').value.trim();
  if (!given) return;
  // Header values take no other characters.
  if (!/^[\x21-\x7e]+$/.test(given)) {
    setText(byId('access-error'), 'A token has no blanks and no letters beyond ASCII.');
    return;
  }
  token = given;
  sessionStorage.setItem(place, token);
  byId('access-token').value = '';
  byId('access').hidden = true;
  byId('leave').hidden = false;
  setText(byId('access-error'), '');
  for (const listener of listeners) listener();
});

byId('leave').addEventListener('click', () => {
  sessionStorage.removeItem(place);
  location.reload();
});

byId('leave').hidden = !token;
