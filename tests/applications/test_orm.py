"""SQLAlchemy's ORM: a session that flushes, rolls back to savepoints, and moves events to other customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, ForeignKey, Identity, create_engine, insert, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from tests.support.database import APPLICATION

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.database import Database


class _Base(DeclarativeBase):
    pass


class _Profile(_Base):
    __tablename__ = "customer_profile"
    __table_args__ = {"schema": "churn"}  # noqa: RUF012  SQLAlchemy's way

    customer_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class _Complaint(_Base):
    __tablename__ = "complaints"
    __table_args__ = {"schema": "churn"}  # noqa: RUF012  SQLAlchemy's way

    complaint_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey(_Profile.customer_id))
    kind: Mapped[str]


def test_the_orm_of_sqlalchemy(serving: Database, check: Callable[[], None]) -> None:
    address = serving.dsn(APPLICATION).replace("postgresql://", "postgresql+psycopg2://")
    engine = create_engine(address)
    try:
        with Session(engine) as session, session.begin():
            session.add_all(_Complaint(customer_id=customer, kind="billing") for customer in (3, 1, 2, 1))
            session.flush()
            with session.begin_nested() as savepoint:
                session.add(_Complaint(customer_id=4, kind="network"))
                session.flush()
                savepoint.rollback()
            session.execute(insert(_Complaint), [{"customer_id": 1 + n % 9, "kind": "bulk"} for n in range(50)])
        check()
        with Session(engine) as session, session.begin():
            first, second, *_ = session.scalars(select(_Complaint).order_by(_Complaint.complaint_id))
            first.customer_id = 7
            session.flush()
            first.customer_id, second.customer_id = 8, 7
            session.execute(update(_Complaint).where(_Complaint.kind == "bulk").values(customer_id=5))
        check()
        with Session(engine) as session:
            session.add(_Complaint(customer_id=5, kind="forgotten"))
            session.flush()
            session.rollback()
    finally:
        engine.dispose()
    assert serving.session().value("select count(*) from churn.complaints where customer_id = 5") == 50
