"""Canvas responses for the tests of the tables: random ones, and functions that rebuild them from the rows."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

from airflow_provider_braze.core.channels import CANVAS_FIGURES, CANVAS_ROW_FIELDS, CHANNEL_STATS
from airflow_provider_braze.core.models import SeriesCall
from airflow_provider_braze.fetch.subjects import collect
from airflow_provider_braze.series.canvases import CANVASES
from airflow_provider_braze.tables.canvases import CanvasDecoder
from tests.tables.campaign_responses import END, RESERVED, START, as_sent, freeze, without_nulls

DECODER = CanvasDecoder(CANVASES)
TABLES = CANVASES.tables[:4]
TOTAL, VARIANT, STEP = ("entries", *CANVAS_FIGURES), ("name", "entries", *CANVAS_FIGURES), ("name", *CANVAS_FIGURES)

NUMBERS = (0, 3, 300, 2**53 + 1, 2**63 - 1, 2**63, -1, 10**30, 0.5, -0.0, 5.0, 2.0**63)
SCALARS = (None, True, False, "", "a", "é\n", *NUMBERS)
KEYS = ("v-1", "v-2", "$", "name", "", "é/ ")
ODD_KEYS = (*CANVAS_ROW_FIELDS, *TOTAL, *RESERVED, "$", "$$", "name", "step_id", "machine_open", "conversions4")
ODD_KEYS_OF_CARDS = ("carousel_slide_1_x_click", "notif_button_2__click")
CHANNELS = ("email", "ios_push", "sms", "banner", "step_stats", "total_stats")


def draw_response(dice):
    """Draw the days of a response: documented, with some additional keys, or with any value anywhere."""
    kind = dice.randrange(3)
    days = [_day(dice, is_odd=kind == 2 and dice.random() < 0.7) for _ in range(dice.randrange(5))]
    if kind == 1 and days:
        extras = {dice.choice(("a", "$", "opened", *ODD_KEYS_OF_CARDS)): _value(dice) for _ in range(2)}
        return [_with_extras(days[0], extras)] * 4
    return days


def _value(dice, depth=0):
    if depth < 2 and dice.random() < 0.3:
        inner = [_value(dice, depth + 1) for _ in range(dice.randrange(3))]
        return inner if dice.random() < 0.5 else {dice.choice(ODD_KEYS): each for each in inner}
    return dice.choice(SCALARS)


def _odd(dice):
    return {dice.choice((*ODD_KEYS, *ODD_KEYS_OF_CARDS)): _value(dice) for _ in range(dice.randrange(4))}


def _record(dice, fields, *, is_odd):
    """Draw an object with some of its documented keys, or with undocumented ones."""
    if is_odd and dice.random() < 0.5:
        return _odd(dice)
    kinds = {"revenue": (None, 1.5, 2), "name": (None, "A", "Control"), "variation_api_id": (None, "a", "b")}
    kinds["variation_name"] = kinds["name"]
    chosen = dice.sample(fields, dice.randrange(min(5, len(fields)) + 1))
    return {field: dice.choice(kinds.get(field, (None, 0, 7, 300))) for field in chosen}


def _ids(dice):
    return dice.sample(KEYS, dice.randrange(3))


def _messages(dice, *, is_odd):
    found = {}
    for channel in dice.sample((*CHANNELS, "", "webhook") if is_odd else CHANNELS, dice.randrange(3)):
        fields = (*CHANNEL_STATS.get(channel, ("sent", "shown")), "variation_api_id", "variation_name", "enrolled")
        found[channel] = [_record(dice, fields, is_odd=is_odd) for _ in range(dice.randrange(4))]
    return {**found, "content_cards": None} if is_odd and dice.random() < 0.3 else found


def _step(dice, *, is_odd):
    step = _record(dice, (*STEP, "unique_recipients"), is_odd=is_odd)
    step.pop("messages", None)
    return {**step, **dice.choice(({}, {"messages": None}, {"messages": _messages(dice, is_odd=is_odd)}))}


def _day(dice, *, is_odd):
    day = {
        "total_stats": _record(dice, TOTAL, is_odd=is_odd),
        "variant_stats": {id_: _record(dice, VARIANT, is_odd=is_odd) for id_ in _ids(dice)},
        "step_stats": {id_: _step(dice, is_odd=is_odd) for id_ in _ids(dice)},
    }
    if is_odd:
        for level in ("variant_stats", "step_stats"):
            day[level] |= dict.fromkeys(_ids(dice))
        day = {key: None if dice.random() < 0.2 else day[key] for key in dice.sample(list(day), dice.randrange(4))}
        day |= {key: value for key, value in _odd(dice).items() if key != "time"}
    return day


def _with_extras(day, extras):
    """Add undocumented keys at each level, from which a shape is learned."""
    found = json.loads(json.dumps(day))
    found["total_stats"] |= extras
    for level in ("variant_stats", "step_stats"):
        for record in found[level].values():
            record |= extras
            for rows in (record.get("messages") or {}).values():
                for row in rows:
                    row |= extras
    return found


def body_of(days):
    """Encode a response of these days, in consecutive order."""
    stats = [{**day, "time": str(START + timedelta(place))} for place, day in enumerate(days)]
    return json.dumps({"data": {"name": "C", "stats": stats}, "message": "success"}).encode()


def decode(body, subject="c", *, keep_payload=False):
    """Decode a response about one canvas."""
    found = CANVASES.subject(subject)
    call = SeriesCall(START, END, 14, "")
    return collect(found, [DECODER.decode(body, found, call, keep_payload=keep_payload)])


def tables_of(*rows):
    """Build the four day tables."""
    return DECODER.build(list(rows), TABLES)


def found_in(tables):
    """Return the values in the rows, as a multiset per table."""
    places = ("canvas_id", "day", "step_id", "channel", "position")
    found = {"days": Counter(), "variants": Counter(), "steps": Counter(), "rows": Counter()}
    for row in tables["canvas_days"].to_pylist():
        sent = as_sent(row, *places)
        day_rest = sent.pop("$", {})
        unescaped = {key[1:] if key.startswith("$") else key: value for key, value in sent.items()}
        found["days"][str(row["day"]), freeze(unescaped), freeze(day_rest)] += 1
    for level, id_name, name in (("variants", "variant_id", "variant_name"), ("steps", "step_id", "step_name")):
        for row in tables[f"canvas_{level[:-1]}_days"].to_pylist():
            sent = as_sent(row, *places, id_name, name)
            sent |= {} if row[name] is None else {"name": row[name]}
            found[level][str(row["day"]), row[id_name], freeze(sent)] += 1
    for row in tables["canvas_step_messages"].to_pylist():
        sent = as_sent(row, *places, "step_name")
        found["rows"][str(row["day"]), row["step_id"], row["channel"], freeze(sent)] += 1
    return found


def sent_in(days):
    """Return the values in the response, as a multiset per table."""
    found = {"days": Counter(), "variants": Counter(), "steps": Counter(), "rows": Counter()}
    for place, day in enumerate(days):
        date = str(START + timedelta(place))
        rest = {key: day[key] for key in day.keys() - {"total_stats", "variant_stats", "step_stats"}}
        total = without_nulls(day.get("total_stats") or {}, TOTAL)
        found["days"][date, freeze(total), freeze(without_nulls(rest, ()))] += 1
        for id_, variant in (day.get("variant_stats") or {}).items():
            found["variants"][date, id_, freeze(without_nulls(variant or {}, VARIANT))] += 1
        for id_, step in (day.get("step_stats") or {}).items():
            figures = {key: value for key, value in (step or {}).items() if key != "messages"}
            found["steps"][date, id_, freeze(without_nulls(figures, (*STEP, "unique_recipients")))] += 1
            for channel, rows in ((step or {}).get("messages") or {}).items():
                for row in rows or ():
                    found["rows"][date, id_, channel, freeze(without_nulls(row, CANVAS_ROW_FIELDS))] += 1
    return found
