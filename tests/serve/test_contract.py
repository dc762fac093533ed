"""The service keeps to its own OpenAPI, whatever it is sent: schemathesis tries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.bindings import shop
from tests.support.database import ANALYST, Database

from .running import Running
from .test_rows import BUNDLE

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def described() -> Iterator[Running]:
    with Running("--bundle", BUNDLE) as service:
        yield service.until_ready()


@pytest.fixture
def with_profiles(shopping: Database) -> Iterator[Running]:
    session = shopping.session()
    shop.attach(session)
    session.run(f'grant usage on schema "Shop" to {ANALYST}; grant select on {shop.PROFILE} to {ANALYST}')
    session.run(f"insert into {shop.PROFILE} (id) values (1), (2)")
    with Running(dsn=shopping.dsn(ANALYST)) as service:
        yield service.until_ready()


def _try(service: Running, examples: int) -> None:
    """Tries each operation with what its description allows, and with what it forbids."""
    schema = schemathesis.openapi.from_dict(service.client.get("/openapi.json").json())
    schema.config.update(base_url=service.address)
    tried = 0
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        kinds = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
        cases = st.one_of([operation.as_strategy(generation_mode=kind) for kind in kinds])

        @seed(1)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases)
        def attempt(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(base_url=service.address)

        attempt()
        tried += 1
    assert tried >= 8
    assert not [line for line in service.lines if line["event"] == "fault"]


def test_it_keeps_to_its_description(described: Running) -> None:
    _try(described, 6)


@pytest.mark.long
def test_it_keeps_to_its_description_with_profiles_and_many_examples(with_profiles: Running) -> None:
    _try(with_profiles, 300)
