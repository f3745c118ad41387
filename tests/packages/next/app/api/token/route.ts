// On a server a keeper needs no page. It works in Node.
import { rtm, TokenKeeper } from 'tokenmint-web';

const keeper = new TokenKeeper({ service: { url: process.env.TOKENMINT_URL! }, request: rtm('backend', { expiresIn: 10 }) });

export const dynamic = 'force-dynamic';

export async function GET() {
  const { kind, user_id } = await keeper.token();
  return Response.json({ kind, user_id, left: keeper.left });
}
