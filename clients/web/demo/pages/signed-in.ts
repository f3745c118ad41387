// The provider sends the browser here after a sign-in.
import { SignIn } from '../sign-in.js';

try {
  const page = await (await SignIn.here())?.arrive();
  // Only a page of ours: the text comes from this browser's own storage.
  if (page !== undefined && new URL(page, location.href).origin === location.origin) location.replace(page);
} catch (error) {
  document.getElementById('title')!.textContent = 'You are not signed in.';
  document.getElementById('about')!.textContent = `The provider says: ${error instanceof Error ? error.message : String(error)}`;
}
