"""What goes over the wire: several commands in one write, and every answer read in its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from notify.conversation import MOST_HEARD, Conversation, Envelope, Refused

ANN = Envelope("us@example.org", "ann@example.org")
BOB = Envelope("us@example.org", "bob@example.org")
TO_ANN = b"MAIL FROM:<us@example.org>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n"
TO_BOB = TO_ANN.replace(b"ann", b"bob")
INVITED = b"250 ok\r\n250 ok\r\n354 go ahead\r\n"

Turns = list[tuple[bytes, bytes]]
"""What we say, whole, and what the relay answers to that; nothing: it closes the connection."""


def talk(
    turns: Turns, play: Callable[[Conversation], Awaitable[None]], pipelining: bool = True
) -> bytes:
    """Play our part; gives what the relay heard after its last turn."""
    rest: list[bytes] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for heard, answer in turns:
            assert await reader.readexactly(len(heard)) == heard
            if not answer:
                break
            writer.write(answer)
        else:
            rest.append(await reader.read())
        writer.close()
        over.set()

    async def ours() -> None:
        server = await asyncio.start_server(relay, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        conversation = Conversation(cast(asyncio.Transport, writer.transport), pipelining)
        async with asyncio.timeout(10):
            await play(conversation)
            conversation.close()
            await over.wait()
        server.close()

    over = asyncio.Event()
    asyncio.run(ours())
    assert len(rest) == 1 or not turns[-1][1], "the relay heard something else"
    return b"".join(rest)


async def send(conversation: Conversation, envelope: Envelope, message: bytes) -> str:
    conversation.announce(envelope)
    await conversation.invited()
    conversation.hand_over(message)
    return (await conversation.taken()).message


def test_a_message_leaves_together_with_the_next_envelope() -> None:
    async def play(conversation: Conversation) -> None:
        conversation.announce(ANN)
        await conversation.invited()
        conversation.hand_over(b"one\r\n", BOB)
        assert (await conversation.taken()).message == "2.0.0 got one"
        assert conversation.announced == BOB
        await conversation.invited()
        conversation.hand_over(b"two\r\n")
        assert (await conversation.taken()).code == 250
        assert conversation.announced is None

    talk(
        [
            (TO_ANN, INVITED),
            (b"one\r\n.\r\n" + TO_BOB, b"250 2.0.0 got one\r\n" + INVITED),
            (b"two\r\n.\r\n", b"250 ok\r\n"),
        ],
        play,
    )


def test_one_command_at_a_time_where_that_is_not_offered() -> None:
    mail, rcpt, data = TO_ANN.splitlines(keepends=True)

    async def play(conversation: Conversation) -> None:
        conversation.announce(ANN)
        await conversation.invited()
        conversation.hand_over(b"one\r\n", BOB)
        await conversation.taken()
        assert conversation.announced is None, "nobody is announced ahead"

    turns = [(mail, b"250 ok\r\n"), (rcpt, b"250 ok\r\n"), (data, b"354 go\r\n")]
    assert talk([*turns, (b"one\r\n.\r\n", b"250 ok\r\n")], play, pipelining=False) == b""


@pytest.mark.parametrize(
    ("to_data", "way_out"),
    [
        (b"503 no recipient\r\n", (b"RSET\r\n", b"250 ok\r\n")),
        # RFC 2920 3.1: the server must be checked for that, and then gets a lone dot.
        (b"354 go ahead\r\n", (b".\r\n", b"554 no valid recipients\r\n")),
    ],
    ids=["refuses DATA too", "wants DATA all the same"],
)
@pytest.mark.parametrize("code", [450, 550])
def test_a_recipient_is_refused(code: int, to_data: bytes, way_out: tuple[bytes, bytes]) -> None:
    async def play(conversation: Conversation) -> None:
        conversation.announce(ANN)
        with pytest.raises(Refused) as refused:
            await conversation.invited()
        assert (refused.value.step, refused.value.code) == ("rcpt", code)
        assert await send(conversation, BOB, b"two\r\n") == "ok"

    talk(
        [
            (TO_ANN, b"250 ok\r\n%d no\r\n" % code + to_data),
            way_out,
            (TO_BOB, INVITED),
            (b"two\r\n.\r\n", b"250 ok\r\n"),
        ],
        play,
    )


def test_a_sender_is_refused_but_nothing_else() -> None:
    """A dot would be an empty message to the reader."""

    async def play(conversation: Conversation) -> None:
        conversation.announce(ANN)
        with pytest.raises(Refused) as refused:
            await conversation.invited()
        assert refused.value.step == "mail"
        assert not conversation.is_open

    assert talk([(TO_ANN, b"550 not you\r\n250 ok\r\n354 go ahead\r\n")], play) == b""


def test_a_refused_message_leaves_the_next_one_alone() -> None:
    async def play(conversation: Conversation) -> None:
        conversation.announce(ANN)
        await conversation.invited()
        conversation.hand_over(b"one\r\n", BOB)
        with pytest.raises(Refused) as refused:
            await conversation.taken()
        assert refused.value.step == "data"
        await conversation.invited()
        conversation.hand_over(b"two\r\n")
        await conversation.taken()

    talk(
        [
            (TO_ANN, INVITED),
            (b"one\r\n.\r\n" + TO_BOB, b"554 5.6.0 no\r\n" + INVITED),
            (b"two\r\n.\r\n", b"250 ok\r\n"),
        ],
        play,
    )


def test_a_refusal_before_the_connection_is_lost_is_not_forgotten() -> None:
    async def play(conversation: Conversation) -> None:
        conversation.announce(ANN)
        with pytest.raises(Refused, match="no such user"):
            await conversation.invited()
        assert not conversation.is_open

    talk([(TO_ANN, b"250 ok\r\n421 5.1.1 no such user\r\n")], play)


def test_what_is_taken_before_the_connection_is_lost_is_not_forgotten() -> None:
    """The answer came, those to the next envelope did not."""

    async def play(conversation: Conversation) -> None:
        conversation.announce(ANN)
        await conversation.invited()
        conversation.hand_over(b"one\r\n", BOB)
        assert (await conversation.taken()).code == 250
        with pytest.raises(OSError, match="closed"):
            await conversation.invited()

    talk([(TO_ANN, INVITED), (b"one\r\n.\r\n", b"250 ok\r\n"), (TO_BOB, b"")], play)


def test_a_dot_at_the_start_of_a_line_stays_one() -> None:
    async def play(conversation: Conversation) -> None:
        await send(conversation, ANN, b"one\r\n.\r\n..two\r\n")

    talk([(TO_ANN, INVITED), (b"one\r\n..\r\n...two\r\n.\r\n", b"250 ok\r\n")], play)


def test_an_answer_of_several_lines() -> None:
    async def play(conversation: Conversation) -> None:
        assert await send(conversation, ANN, b"one\r\n") == "one\ntwo"

    several = b"250-ok\r\n250 ok\r\n250 ok\r\n354 go ahead\r\n"
    talk([(TO_ANN, several), (b"one\r\n.\r\n", b"250-one\r\n250 two\r\n")], play)


@pytest.mark.parametrize("said", [b"hello\r\n", b"2" * (MOST_HEARD + 1)])
def test_what_is_no_answer_is_a_loss(said: bytes) -> None:
    async def play(conversation: Conversation) -> None:
        conversation.announce(ANN)
        with pytest.raises(OSError):
            await conversation.invited()

    talk([(TO_ANN, said)], play)


def test_what_is_said_to_an_idle_connection_is_no_answer() -> None:
    async def play(conversation: Conversation) -> None:
        await send(conversation, ANN, b"one\r\n")
        await asyncio.sleep(0.05)
        conversation.announce(BOB)
        await conversation.invited()

    idle = b"250 ok\r\n421 4.4.2 you are idle\r\n"
    talk([(TO_ANN, INVITED), (b"one\r\n.\r\n", idle), (TO_BOB, INVITED)], play)


def test_an_address_never_breaks_out_of_its_line() -> None:
    with pytest.raises(ValueError, match="break out"):
        Envelope("us@example.org", "ann@example.org>\r\nRCPT TO:<bob@example.org").commands()
