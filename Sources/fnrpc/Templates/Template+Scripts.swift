extension Template {
    /// Python with no library at all.
    static func plainPython(_ name: String) -> Template {
        Template(files: [
            File(
                name: "func.yaml",
                content: """
                    name: \(name)
                    runtime: python
                    entry: func.handler   # handler in func.py
                    memory: 128           # MiB
                    timeout: 30           # seconds

                    """),
            File(
                name: "func.py",
                content: """
                    def handler(name="World"):
                        return {"message": f"Hello {name}"}

                    """),
            readme(
                name,
                """
                `handler` in `func.py` is called with the keys of a JSON object as its arguments; what it returns is the
                reply, as JSON. What it prints is the call's log. A `requirements.txt` beside it is installed on deploy.
                """, body: #"{"name":"Ada"}"#),
        ])
    }

    /// Python with Fn's FDK.
    static func fdkPython(_ name: String) -> Template {
        Template(files: [
            File(
                name: "func.yaml",
                content: """
                    name: \(name)
                    runtime: python
                    format: http-stream
                    entrypoint: /usr/bin/python3 /function/.python/bin/fdk /function/func.py handler
                    memory: 256           # MiB
                    timeout: 30           # seconds

                    """),
            File(
                name: "func.py",
                content: """
                    import json

                    from fdk import response


                    def handler(ctx, data=None):
                        body = data.getvalue() if data else b""
                        name = json.loads(body).get("name", "World") if body else "World"
                        return response.Response(
                            ctx,
                            response_data=json.dumps({"message": f"Hello {name}"}),
                            headers={"Content-Type": "application/json"},
                        )

                    """),
            File(name: "requirements.txt", content: "fdk\n"),
            readme(
                name,
                """
                A function of Fn's Python FDK. `fdk` and whatever else `requirements.txt` names is installed into the
                package on deploy.
                """, body: #"{"name":"Ada"}"#),
        ])
    }

    /// A script, started for every call.
    static func shell(_ name: String) -> Template {
        Template(files: [
            File(
                name: "func.yaml",
                content: """
                    name: \(name)
                    runtime: shell
                    entry: func.sh        # started for every call
                    memory: 32            # MiB
                    timeout: 30           # seconds

                    """),
            File(
                name: "func.sh",
                content: """
                    #!/bin/sh
                    # Standard input is the body, standard output the reply, standard error the log.
                    set -eu
                    name=$(cat)
                    echo "called with ${#name} characters" >&2
                    printf 'Hello %s\\n' "${name:-World}"

                    """, isExecutable: true),
            readme(
                name,
                """
                `func.sh` runs once for every call: standard input is the body, standard output the reply, standard
                error the call's log. An exit code other than 0 is a failed call.
                """, body: "Ada"),
        ])
    }
}
