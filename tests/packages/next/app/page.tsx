'use client';
import { useEffect, useState } from 'react';
import { rtc, type RtcAnswer, TokenKeeper } from 'tokenmint-web';

export default function Page() {
  const [answers, setAnswers] = useState<RtcAnswer[]>([]);
  useEffect(() => {
    const keeper = new TokenKeeper({
      service: { url: process.env.NEXT_PUBLIC_TOKENMINT_URL! },
      request: rtc('demo', { uid: 7, expiresIn: 10 }),
      onToken: (answer) => setAnswers((before) => [...before, answer]),
    });
    keeper.token().catch(() => {});
    return () => keeper.stop();
  }, []);
  return <ol>{answers.map(({ token, channel, uid }) => <li key={token}>{channel} {uid}</li>)}</ol>;
}
