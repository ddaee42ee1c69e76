"""The naive server: what a good team writes in an afternoon, with FastAPI and SQLAlchemy's ORM.

It is as durable as Parlour, with a commit for each request, authenticates callers, and answers with the same
fields.
"""

import secrets
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, HTTPException, Query, Request
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import (
    JSON,
    DateTime,
    ForeignKey,
    UniqueConstraint,
    create_engine,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry

from bench.operations import ACCOUNT_SID, AUTH_TOKEN
from bench.serving import serve

PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON")
BUSY_SECONDS = 60
PREFIX = "/v1/Services/{service_sid}/Conversations/{conversation_sid}/Messages"
ROWS_AT_ONCE = 10_000

app = FastAPI()
sessions = async_sessionmaker(expire_on_commit=False)


UTC_TIMESTAMP = DateTime(timezone=True)


class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON, datetime: UTC_TIMESTAMP}  # noqa: RUF012 - SQLAlchemy's way


class Account(Base):
    __tablename__ = "accounts"

    sid: Mapped[str] = mapped_column(primary_key=True)
    auth_token: Mapped[str]


class Conversation(Base):
    __tablename__ = "conversations"

    sid: Mapped[str] = mapped_column(primary_key=True)
    chat_service_sid: Mapped[str] = mapped_column(index=True)
    account_sid: Mapped[str]
    next_message_index: Mapped[int] = mapped_column(default=0)


class Message(Base):
    __tablename__ = "messages"
    __table_args__ = (UniqueConstraint("conversation_sid", "index"),)

    sid: Mapped[str] = mapped_column(primary_key=True)
    conversation_sid: Mapped[str] = mapped_column(ForeignKey("conversations.sid"))
    index: Mapped[int]
    chat_service_sid: Mapped[str]
    account_sid: Mapped[str]
    date_created: Mapped[datetime]
    date_updated: Mapped[datetime | None]
    author: Mapped[str]
    participant_sid: Mapped[str | None]
    body: Mapped[str | None]
    attributes: Mapped[str] = mapped_column(default="{}")
    media: Mapped[list[Any] | None]
    content_sid: Mapped[str | None]
    delivery: Mapped[dict[str, Any] | None]


class MessageBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    sid: str
    account_sid: str
    chat_service_sid: str
    conversation_sid: str
    index: int
    date_created: datetime
    date_updated: datetime | None
    author: str
    participant_sid: str | None
    body: str | None
    attributes: str
    media: list[Any] | None
    content_sid: str | None
    delivery: dict[str, Any] | None
    url: str = ""
    links: dict[str, str] = {}


class Meta(BaseModel):
    page: int
    page_size: int
    first_page_url: str
    previous_page_url: str | None
    url: str
    next_page_url: str | None
    key: str = "messages"


class PageBody(BaseModel):
    meta: Meta
    messages: list[MessageBody]


async def begin() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


Database = Annotated[AsyncSession, Depends(begin)]


Credentials = Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]


async def authenticate(session: Database, credentials: Credentials) -> Account:
    account = await session.get(Account, credentials.username)
    if account is None or not secrets.compare_digest(account.auth_token, credentials.password):
        raise HTTPException(401)
    return account


Caller = Annotated[Account, Depends(authenticate)]


async def find_conversation(
    session: Database, caller: Caller, service_sid: str, conversation_sid: str
) -> Conversation:
    conversation = await session.get(Conversation, conversation_sid)
    if conversation is None or conversation.chat_service_sid != service_sid:
        raise HTTPException(404)
    if conversation.account_sid != caller.sid:
        raise HTTPException(404)
    return conversation


Found = Annotated[Conversation, Depends(find_conversation)]


@app.post(PREFIX, status_code=201)
async def create_message(
    request: Request,
    session: Database,
    conversation: Found,
    body: Annotated[str | None, Form(alias="Body", max_length=1_600)] = None,
    author: Annotated[str, Form(alias="Author", max_length=256)] = "system",
    attributes: Annotated[str, Form(alias="Attributes")] = "{}",
) -> MessageBody:
    following = await session.scalar(
        update(Conversation)
        .where(Conversation.sid == conversation.sid)
        .values(next_message_index=Conversation.next_message_index + 1)
        .returning(Conversation.next_message_index)
    )
    if following is None:
        raise HTTPException(404)
    message = Message(
        sid=f"IM{secrets.token_hex(16)}",
        conversation_sid=conversation.sid,
        index=following - 1,
        chat_service_sid=conversation.chat_service_sid,
        account_sid=conversation.account_sid,
        date_created=datetime.now(UTC),
        author=author,
        body=body,
        attributes=attributes,
    )
    session.add(message)
    await session.commit()
    return show(message, request)


@app.get(PREFIX + "/{sid}")
async def fetch_message(request: Request, session: Database, conversation: Found, sid: str) -> MessageBody:
    found = await session.scalar(
        select(Message).where(Message.conversation_sid == conversation.sid, Message.sid == sid)
    )
    if found is None:
        raise HTTPException(404)
    return show(found, request)


class Paging(BaseModel):
    size: int = Field(50, alias="PageSize", ge=1, le=100)
    number: int = Field(0, alias="Page", ge=0)
    token: str = Field("PT0", alias="PageToken", pattern=r"^PT\d+$")


@app.get(PREFIX)
async def list_messages(
    request: Request, session: Database, conversation: Found, paging: Annotated[Paging, Query()]
) -> PageBody:
    rows = await session.scalars(
        select(Message)
        .where(Message.conversation_sid == conversation.sid, Message.index >= int(paging.token[2:]))
        .order_by(Message.index)
        .limit(paging.size + 1)
    )
    found = rows.all()
    following = found[paging.size].index if len(found) > paging.size else None
    url = f"{address(request, conversation.chat_service_sid, conversation.sid)}?PageSize={paging.size}"
    meta = Meta(
        page=paging.number,
        page_size=paging.size,
        first_page_url=f"{url}&Page=0",
        previous_page_url=f"{url}&Page={paging.number - 1}" if paging.number else None,
        url=str(request.url),
        next_page_url=f"{url}&Page={paging.number + 1}&PageToken=PT{following}" if following else None,
    )
    return PageBody(meta=meta, messages=[show(row, request) for row in found[: paging.size]])


@app.get("/healthz")
async def health() -> dict[str, str]:
    return {"status": "ok"}


def show(message: Message, request: Request) -> MessageBody:
    body = MessageBody.model_validate(message)
    body.url = f"{address(request, message.chat_service_sid, message.conversation_sid)}/{message.sid}"
    body.links = {
        "delivery_receipts": f"{body.url}/Receipts",
        "channel_metadata": f"{body.url}/ChannelMetadata",
    }
    return body


def address(request: Request, service_sid: str, conversation_sid: str) -> str:
    return f"{request.base_url}v1/Services/{service_sid}/Conversations/{conversation_sid}/Messages"


def fill(database: Path, service_sid: str, conversation_sid: str, messages: int) -> None:
    """Create the conversation and its messages, with the same SIDs as in Parlour's database."""
    engine = create_engine(f"sqlite:///{database}")
    Base.metadata.create_all(engine)
    common = {"chat_service_sid": service_sid, "account_sid": ACCOUNT_SID}
    text = {"author": "tester@example.com", "body": "Shall we meet at the old mill, around seven?"}
    counter = {"next_message_index": messages + 1}
    with engine.begin() as connection:
        connection.execute(insert(Account).values(sid=ACCOUNT_SID, auth_token=AUTH_TOKEN))
        connection.execute(insert(Conversation).values(sid=conversation_sid, **common, **counter))
        moment = {"conversation_sid": conversation_sid, "date_created": datetime.now(UTC)}
        for start in range(0, messages + 1, ROWS_AT_ONCE):
            numbers = range(start, min(start + ROWS_AT_ONCE, messages + 1))
            rows = [{"sid": f"IM{n:032x}", "index": n, **common, **text, **moment} for n in numbers]
            connection.execute(insert(Message), rows)
    engine.dispose()


def connect(database: Path) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{database}", connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: ConnectionPoolEntry) -> None:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    sessions.configure(bind=engine)


def fill_postgresql(url: str, service_sid: str, conversations: int) -> None:
    """Create empty conversations on PostgreSQL, with the same SIDs as in Parlour's database."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(Account).values(sid=ACCOUNT_SID, auth_token=AUTH_TOKEN))
        common = {"chat_service_sid": service_sid, "account_sid": ACCOUNT_SID, "next_message_index": 0}
        rows = [{"sid": f"CH{number:032}", **common} for number in range(1, conversations + 1)]
        connection.execute(insert(Conversation), rows)
    engine.dispose()
    sessions.configure(bind=create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://")))


if __name__ == "__main__":
    database, service, *rest = sys.argv[1:]
    if database.startswith("postgresql:"):
        fill_postgresql(database, service, int(rest[0]))
    else:
        fill(Path(database), service, rest[0], int(rest[1]))
        connect(Path(database))
    serve("The naive server", app)
