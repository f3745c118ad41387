import { describe, expect, it } from 'vitest';
import { explainToken } from '../demo/explain.js';
import { type Answer, fetchRtm, rtm, TokenError, TokenKeeper, type TokenRequest } from '../src/index.js';
import { FakeService, tooManyTokens } from './service.js';

/** What the demo says about this answer to a request. */
async function explained<A extends Answer>(request: TokenRequest<A>, answer: Response) {
  const { fetch } = new FakeService().says(answer);
  const error = await new Promise<TokenError>((onRetry) => {
    const keeper: TokenKeeper<A> = new TokenKeeper({
      service: { url: 'https://t.example.com', fetch },
      request,
      onRetry: ({ error }) => {
        keeper.stop();
        onRetry(error);
      },
    });
    keeper.token().catch(() => {});
  });
  return explainToken(error);
}

describe('a 429 in the demo', () => {
  it('is about the user, if the service limits their tokens', async () => {
    const explanation = await explained(rtm('alice'), tooManyTokens(20));
    expect(explanation).toMatchObject({ what: 'You got too many tokens in a minute.' });
    expect(explanation.why).toContain('MINTS_PER_MINUTE');
    expect(explanation.detail).toContain('request r1');
    const tutorial = Response.json({ token: 'This caller got too many tokens.', code: '429' }, { status: 429 });
    expect((await explained(fetchRtm('1234'), tutorial)).what).toBe(explanation.what);
  });

  it('is about all callers, if the gateway limits their requests', async () => {
    const answers = [Response.json({ message: 'Too Many Requests' }, { status: 429 }), new Response('', { status: 429 })];
    for (const answer of answers) {
      const explanation = await explained(rtm('alice'), answer);
      expect(explanation).toMatchObject({ what: 'The service gets too many requests.' });
      expect(explanation.why).not.toContain('MINTS_PER_MINUTE');
    }
  });
});
