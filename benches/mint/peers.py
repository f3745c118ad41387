"""Builds tokens with Agora's Python package. For each line of JSON it answers with a line of JSON (see peers.rs)."""

import json
import sys
import time

from agoraiotools.apaas_token_builder import ApaasTokenBuilder
from agoraiotools.ChatTokenBuilder2 import ChatTokenBuilder
from agoraiotools.fpa_token_builder import FpaTokenBuilder
from agoraiotools.RtcTokenBuilder import RtcTokenBuilder as RtcTokenBuilder006
from agoraiotools.RtcTokenBuilder2 import RtcTokenBuilder
from agoraiotools.RtmTokenBuilder import RtmTokenBuilder as RtmTokenBuilder006
from agoraiotools.RtmTokenBuilder2 import RtmTokenBuilder

PUBLISHER = 1
RTM_USER = 1

# The package prints, but standard output is only for the answers.
answers, sys.stdout = sys.stdout, sys.stderr


def builders(given):
    agora = given["agora"]["app_id"], given["agora"]["app_certificate"]
    channel, user, uid, ttl = given["channel"], given["user"], given["uid"], given["ttl"]
    until = lambda: int(time.time()) + ttl
    rtc = RtcTokenBuilder
    return {
        "agora-chat-app": lambda: ChatTokenBuilder.build_app_token(*agora, ttl),
        "agora-chat-user": lambda: ChatTokenBuilder.build_user_token(*agora, user, ttl),
        "agora-rtm": lambda: RtmTokenBuilder.build_token(*agora, user, ttl),
        "agora-rtc": lambda: rtc.build_token_with_uid(*agora, channel, uid, PUBLISHER, ttl, ttl),
        "agora-rtc/account": lambda: rtc.build_token_with_user_account(*agora, channel, user, PUBLISHER, ttl, ttl),
        "agora-fpa": lambda: FpaTokenBuilder.build_token(*agora),
        "agora-apaas-room-user": lambda: ApaasTokenBuilder.build_room_user_token(*agora, channel, user, 1, ttl),
        "agora-apaas-user": lambda: ApaasTokenBuilder.build_user_token(*agora, user, ttl),
        "agora-apaas-app": lambda: ApaasTokenBuilder.build_app_token(*agora, ttl),
        "agora-rtm/006": lambda: RtmTokenBuilder006.buildToken(*agora, user, RTM_USER, until()),
        "agora-rtc/006": lambda: RtcTokenBuilder006.buildTokenWithUid(*agora, channel, uid, PUBLISHER, until()),
    }


def answer(value):
    print(json.dumps(value), file=answers, flush=True)


build = builders(json.loads(sys.stdin.readline()))
answer(list(build))
for line in sys.stdin:
    request = json.loads(line)
    once = build[request["kind"]]
    start, cpu = time.perf_counter_ns(), time.process_time_ns()
    for _ in range(request["tokens"]):
        token = once()
    # The smaller of wall time and processor time, so that waiting for the processor does not count.
    took = min(time.perf_counter_ns() - start, time.process_time_ns() - cpu)
    nanoseconds = took / request["tokens"]
    answer({"nanoseconds": nanoseconds, "token": token})
