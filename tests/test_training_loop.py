

def one_epoch(model, config, frames):
    return train_one_epoch(
        model,
        frames,
        build_optimizer(model, config, CPU),
        config,
        epoch=1,
        device=CPU,
        prepare=lambda images, draw: apply_augmentation(images, draw, config, model.mean, model.std),
    )



@pytest.mark.parametrize("batch_size", [1, 4, 5, 11, 100])
def test_a_short_last_batch_does_not_count_like_a_full_one(batch_size):
    config = PLAIN.replace(learning_rate=1e-8, batch_size=batch_size)
    model, frames = make_model(), make_dataset(11)
    freeze(model, 0.0, batch_norm=True)
    expected = validate(model, frames, config, device=CPU)
    found = one_epoch(model, config, frames)
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert found["accuracy"] == pytest.approx(expected["accuracy"])



def test_rendered_pictures_count_in_the_mean():
    config = PLAIN.replace(learning_rate=1e-8, batch_size=22, synthetic=1.0)
    model, frames, rendered = make_model(), make_dataset(22), make_dataset(1, seed=2)
    freeze(model, 0.0, batch_norm=True)
    losses = [validate(model, each, config, device=CPU)["loss"] for each in (frames, rendered)]
    found = train_one_epoch(
        model,
        frames,
        build_optimizer(model, config, CPU),
        config,
        epoch=1,
        device=CPU,
        rendered=rendered,
        prepare=lambda images, draw: apply_augmentation(images, draw, config, model.mean, model.std),
    )
    assert found["loss"] == pytest.approx(np.mean(losses), rel=1e-5)



def test_the_step_follows_the_mean_gradient_of_the_batch():
    model, frames = make_model(), make_dataset(6)
    config = PLAIN.replace(batch_size=6, learning_rate=0.001, optimizer="adam", weight_decay=0.0, scheduler="none")
    freeze(model, 0.0, batch_norm=True)
    twin = make_model()
    loss = nn.functional.cross_entropy(
        twin(evaluation_batch(frames.images, config, twin.mean, twin.std)), frames.targets
    )
    loss.backward()
    before = model.head.weight.detach().clone()
    one_epoch(model, config, frames)
    # Adam's first step has the size of the rate and the gradient's sign
    step = model.head.weight.detach() - before
    assert torch.allclose(step, -0.001 * twin.head.weight.grad.sign(), atol=1e-5)



def test_validation_is_the_cross_entropy_of_the_mean_over_both_mirror_images():
    model, frames = make_model(), make_dataset(9)
    inputs = evaluation_batch(frames.images, CONFIG, model.mean, model.std)
    with torch.inference_mode():
        straight, mirrored = model(inputs), model(inputs.flip(3))
    for flip, expected in ((False, straight), (True, (straight + mirrored) / 2)):
        config = CONFIG.replace(flip_at_test=flip)
        logits = predict_logits(model, frames, config, device=CPU, size=4)
        assert torch.allclose(logits, expected, atol=1e-5)
        found = validate(model, frames, config, device=CPU)
        assert found["loss"] == pytest.approx(nn.functional.cross_entropy(expected, frames.targets).item(), rel=1e-4)
        assert found["accuracy"] == pytest.approx((expected.argmax(1) == frames.targets).float().mean().item())
    assert not torch.allclose(straight, mirrored, atol=1e-3)
