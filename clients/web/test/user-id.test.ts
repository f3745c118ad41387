import { describe, expect, it, vi } from 'vitest';
import cases from '../../../tests/user-ids.json';
import { hashedUserId } from '../src/index.js';

describe("another user's id", () => {
  it('is the one that the service gives to the vendors', async () => {
    expect(cases.length).toBeGreaterThan(10);
    for (const { claim, user_id } of cases) expect(await hashedUserId(claim), claim).toBe(user_id);
  });

  it.each(['', undefined, null, 4711])('is refused without a claim: %j', async (claim) => {
    await expect(hashedUserId(claim as string)).rejects.toThrow(TypeError);
  });

  it('is refused by name on a page without HTTPS', async () => {
    vi.stubGlobal('crypto', { getRandomValues: () => {} });
    await expect(hashedUserId('alice')).rejects.toThrow('HTTPS');
  });
});
