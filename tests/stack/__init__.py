"""`make stack`: the compose stack on a real engine, as an operator would run and break it. Outside CI; needs Docker."""
