"""The page's controls: the command to copy, paste, drop, camera, keyboard, colours, the token."""

import shutil

import numpy as np
import pytest
from page_steps import asked, canvas_size, choose, needs_browser, photograph, until

import zoo

pytestmark = needs_browser


def test_the_curl_is_the_request(page, zoo_server, tmp_path):
    import json
    import subprocess

    data = photograph()
    name = "it's a photo.jpg"
    choose(page, "classification", data, name)
    (tmp_path / name).write_bytes(data)
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied").wait_for()
    command = page.evaluate("navigator.clipboard.readText()")
    assert command == page.locator("#curl").inner_text()
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, capture_output=True, check=True, text=True
    )
    [label] = json.loads(done.stdout)["outputs"]["label"]
    assert label == asked(zoo_server, "classification", data)["label"].decode()


def test_the_curl_names_any_model(browser, zoo_models, tmp_path):
    """As people call them, with what means something to a shell."""
    import json
    import subprocess

    from zoo.serving.server import Server

    name = "it's (v2) *!"
    shutil.copytree(zoo_models[0] / "classification", tmp_path / "models" / name)
    data = photograph()
    (tmp_path / "photo.jpg").write_bytes(data)
    with Server(tmp_path / "models", rest_port=0, grpc_port=0) as running:
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(running.rest_url)
        choose(page, name, data)
        command = page.locator("#curl").inner_text()
        page.close()
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, capture_output=True, check=True, text=True
        )
        with zoo.Client(running.rest_url, name) as client:
            [answer] = client.predict([data])
    assert json.loads(done.stdout)["outputs"]["label"] == [answer.values["label"].decode()]


def give(page, kind, name, width=30):
    """Pastes or drops a picture of 20 rows."""
    page.evaluate(
        """async ([kind, name, width]) => {
            const canvas = new OffscreenCanvas(width, 20);
            canvas.getContext("2d").fillRect(0, 0, width, 20);
            const blob = await canvas.convertToBlob({type: "image/png"});
            const transfer = new DataTransfer();
            transfer.items.add(new File([blob], name, {type: "image/png"}));
            const event = kind === "paste" ? new ClipboardEvent(kind, {clipboardData: transfer})
                : new DragEvent(kind, {dataTransfer: transfer});
            dispatchEvent(event);
        }""",
        [kind, name, width],
    )


def test_pasted_and_dropped(page):
    page.get_by_label("Model", exact=True).select_option("classification")
    for kind in ("paste", "drop"):
        give(page, kind, f"{kind}.png")
        page.get_by_role("img", name=f"The picture {kind}.png").wait_for()
        until(page, "document.getElementById('said').textContent.includes('%')")
    # 30 x 20, sixteen times as large.
    assert canvas_size(page) == [480, 320]


def test_the_picture_given_last_is_shown_however_long_one_before_it_takes(page):
    page.get_by_label("Model", exact=True).select_option("classification")
    page.evaluate(
        """() => {
            const decode = createImageBitmap;
            const held = new Promise((done) => { window.letGo = done; });
            window.late = false;
            window.createImageBitmap = async (blob, options) => {
                const bitmap = await decode(blob, options);
                if (blob.name !== "slow.png") return bitmap;
                await held;
                window.late = true;
                return bitmap;
            };
        }"""
    )
    give(page, "drop", "slow.png", 40)
    give(page, "drop", "quick.png")
    shown = page.get_by_role("img", name="The picture quick.png")
    shown.wait_for()
    until(page, "document.getElementById('said').textContent.includes('%')")
    page.evaluate("letGo()")
    until(page, "late")
    page.wait_for_timeout(300)
    assert shown.is_visible()
    assert canvas_size(page) == [480, 320]


def test_the_camera_by_keyboard(page):
    page.get_by_label("Model", exact=True).select_option("classification")
    page.get_by_role("button", name="Use the camera").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Take the picture").wait_for()
    until(page, "document.activeElement.id === 'take' && video.videoWidth > 0")
    page.keyboard.press("Enter")
    page.get_by_role("img", name="The picture camera.jpg").wait_for()
    until(page, "document.getElementById('said').textContent.includes('%')")
    assert page.locator("#live").is_hidden()


def test_everything_has_a_name_and_a_place_in_the_order(page):
    choose(page, "segmentation", photograph())
    order = []
    page.evaluate("document.activeElement.blur(); document.body.focus()")
    for _ in range(7):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id"))
    assert order == ["model", "choose", "camera", "strength", "curl", "copy", ""]
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, select, input, canvas, video")].filter(
            (element) => !(element.labels && element.labels.length)
            && !element.getAttribute("aria-label") && !element.textContent.trim()
        ).map((element) => element.id)"""
    )
    assert nameless == []


def contrast(first, second):
    """WCAG 2.2, contrast ratio of relative luminances."""

    def luminance(rgb):
        parts = [c / 255 for c in rgb]
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return np.dot(parts, [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_told_apart(page, scheme):
    page.emulate_media(color_scheme=scheme)
    found = page.evaluate(
        """Object.fromEntries(["back", "card", "text", "soft", "accent", "on-accent", "wrong"].map(
            (name) => {
                const probe = document.createElement("p");
                probe.style.color = `var(--${name})`;
                document.body.append(probe);
                const colour = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
                probe.remove();
                return [name, colour];
            }))"""
    )
    for front, back in (
        ("text", "back"),
        ("text", "card"),
        ("soft", "back"),
        ("soft", "card"),
        ("wrong", "card"),
        ("on-accent", "accent"),
    ):
        assert contrast(found[front], found[back]) >= 4.5


def test_a_token_is_asked_for(browser, models):
    from zoo.serving.server import Server

    with Server(models, rest_port=0, grpc_port=0, token="secret") as guarded:
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(guarded.rest_url)
        page.get_by_label("Token").fill("secret")
        page.keyboard.press("Tab")
        page.get_by_role("alert").wait_for(state="hidden")
        page.get_by_label("Model", exact=True).select_option("hp2")
        page.get_by_text("it takes x, not a picture's bytes").wait_for()
        page.close()
