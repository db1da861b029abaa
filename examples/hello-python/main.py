def hello(name="world"):
    print(f"greeting {name}")  # goes to the call's log
    return {"message": f"Hello, {name}!"}
