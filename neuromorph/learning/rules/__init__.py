"""The rules, one file a family; and few-valued weights for any of them (ste+NAME, adaste+NAME)."""
