"""A trained model at work: photos, clips, folders of them."""
